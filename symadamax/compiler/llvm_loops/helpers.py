"""LLVM IR that every program with loops calls: sums of blocks and of parts."""

__all__ = ["ATTRIBUTES", "declarations", "helpers"]


def helpers(text: str) -> list[str]:
    """Return the helpers that a text calls."""
    return [helper for name, helper in HELPERS.items() if f"@{name}(" in text]


def declarations(text: str) -> list[str]:
    """Return the declarations of what the helpers call that a text calls."""
    return [line for name, line in DECLARATIONS.items() if f"@{name}(" in text]


DECLARATIONS = {
    "total": "declare double @llvm.fabs.f64(double)",
    "largest": "declare double @llvm.maximum.f64(double, double)",
}

# Sums of blocks: Neumaier's, so that a million of them lose no digit; products one by one.
HELPERS = {
    "total": """\
define internal double @total(ptr %values, i64 %count) #0 {
entry:
  br label %next
next:
  %k = phi i64 [ 0, %entry ], [ %k1, %body ]
  %s = phi double [ 0.0, %entry ], [ %t, %body ]
  %c = phi double [ 0.0, %entry ], [ %c1, %body ]
  %more = icmp slt i64 %k, %count
  br i1 %more, label %body, label %done
body:
  %p = getelementptr double, ptr %values, i64 %k
  %v = load double, ptr %p
  %t = fadd double %s, %v
  %as = call double @llvm.fabs.f64(double %s)
  %av = call double @llvm.fabs.f64(double %v)
  %larger = fcmp oge double %as, %av
  %big = select i1 %larger, double %s, double %v
  %small = select i1 %larger, double %v, double %s
  %d = fsub double %big, %t
  %e = fadd double %d, %small
  %c1 = fadd double %c, %e
  %k1 = add i64 %k, 1
  br label %next
done:
  %r = fadd double %s, %c
  %finite = fcmp ord double %c, %c
  %result = select i1 %finite, double %r, double %s
  ret double %result
}
""",
    "product": """\
define internal double @product(ptr %values, i64 %count) #0 {
entry:
  br label %next
next:
  %k = phi i64 [ 0, %entry ], [ %k1, %body ]
  %s = phi double [ 1.0, %entry ], [ %t, %body ]
  %more = icmp slt i64 %k, %count
  br i1 %more, label %body, label %done
body:
  %p = getelementptr double, ptr %values, i64 %k
  %v = load double, ptr %p
  %t = fmul double %s, %v
  %k1 = add i64 %k, 1
  br label %next
done:
  ret double %s
}
""",
    "largest": """\
define internal double @largest(ptr %values, i64 %count) #0 {
entry:
  br label %next
next:
  %k = phi i64 [ 0, %entry ], [ %k1, %body ]
  %s = phi double [ 0xFFF0000000000000, %entry ], [ %t, %body ]
  %more = icmp slt i64 %k, %count
  br i1 %more, label %body, label %done
body:
  %p = getelementptr double, ptr %values, i64 %k
  %v = load double, ptr %p
  %t = call double @llvm.maximum.f64(double %s, double %v)
  %k1 = add i64 %k, 1
  br label %next
done:
  ret double %s
}
""",
    **{
        f"combine{bits}": f"""\
define internal void @combine{bits}(ptr %target, ptr %buffer, i64 %length, i64 %parts) #0 {{
entry:
  %direct = icmp eq ptr %buffer, null
  br i1 %direct, label %done, label %elements
elements:
  %k = phi i64 [ 0, %entry ], [ %k1, %stored ]
  %more = icmp slt i64 %k, %length
  br i1 %more, label %element, label %done
element:
  %spot = getelementptr {real}, ptr %target, i64 %k
  %old = load {real}, ptr %spot
  %wide = {"fpext float %old to double" if bits == 32 else "fadd double %old, 0.0"}
  br label %next
next:
  %part = phi i64 [ 0, %element ], [ %part1, %body ]
  %s = phi double [ %wide, %element ], [ %t, %body ]
  %again = icmp slt i64 %part, %parts
  br i1 %again, label %body, label %stored
body:
  %row = mul i64 %part, %length
  %place = add i64 %row, %k
  %p = getelementptr double, ptr %buffer, i64 %place
  %v = load double, ptr %p
  %t = fadd double %s, %v
  %part1 = add i64 %part, 1
  br label %next
stored:
  %new = {"fptrunc double %s to float" if bits == 32 else "fadd double %s, 0.0"}
  store {real} %new, ptr %spot
  %k1 = add i64 %k, 1
  br label %elements
done:
  ret void
}}
"""
        for bits, real in ((64, "double"), (32, "float"))
    },
}
ATTRIBUTES = (
    "attributes #0 = { nounwind }\nattributes #1 = { nounwind nobuiltin willreturn memory(none) }"
)
