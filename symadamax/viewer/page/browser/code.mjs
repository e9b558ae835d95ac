// The run on the page as Python: the same objective, start, settings and steps.

import { objectiveOf } from "./state.mjs";

/** Return the program. */
export function program(state) {
  const objective = objectiveOf(state);
  return [
    "import sympy as sp\nimport symadamax as sx\n",
    objective.program,
    objective.noise ? noisy(objective) : "",
    ...(state.both ? ["a", "b"] : [state.run]).map((run) => minimise(state, objective, run)),
  ].filter(Boolean).join("\n") + "\n";
}

function minimise(state, { variables, noise }, run) {
  const { learningRate, beta1, beta2, epsilon, placement } = state[run];
  const name = state.both ? `result_${run}` : "result";
  const start = noise
    ? `[${state.start.join(", ")}]`
    : `{${variables.map((unknown, k) => `${unknown}: ${state.start[k]}`).join(", ")}}`;
  return `
${name} = sx.minimize(
    ${noise ? `noisy(seed=${state.seed})` : "objective"},
    start=${start},
    method=sx.Adamax(
        learning_rate=${learningRate}, beta1=${beta1}, beta2=${beta2},
        epsilon=${epsilon}, epsilon_placement="${placement}",
    ),
    steps=${state.steps},
    record=1,
)
print(${name})`;
}

/** Return the objective with its noise: the generator of `generator` in adamax.mjs. */
function noisy({ noise, names }) {
  const draws = names.map(() => "draw()").join(", ");
  return `
def noisy(seed):
    """Return the objective with derivatives off by numbers in (-${noise}, ${noise})."""
    state = seed

    def draw():
        nonlocal state
        state = 48271*state % 2147483647  # Park and Miller's generator
        return ${noise}*(2*state/2147483647 - 1)

    def evaluate(point):
        value, gradient = objective.value_and_gradient(point)
        return value, gradient + [${draws}]

    return evaluate
`;
}
