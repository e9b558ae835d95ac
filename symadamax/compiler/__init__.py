"""From SymPy to machine code, one line a stage; the folder, read downwards, is the pipeline."""
