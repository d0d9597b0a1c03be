// What the Node drivers share: claims are printed as `ok` or `not ok`, and `run` counts them.

import { createRequire } from "node:module";
import { isDeepStrictEqual, inspect } from "node:util";

// Modules are looked up where NODE_PATH says, which only `require` does.
export const require = createRequire(import.meta.url);

let failed = 0;

/** Claims that something holds; `seen` is shown when it doesn't. */
export function holds(claim, truth, seen = "") {
  if (truth) {
    console.log(`ok - ${claim}`);
  } else {
    failed += 1;
    console.log(`not ok - ${claim}: ${inspect(seen, { breakLength: Infinity })}`);
  }
}

/** Claims that two values are equal, all the way down. */
export function equal(claim, got, wanted) {
  holds(claim, isDeepStrictEqual(got, wanted), { got, wanted });
}

/** Claims that a promise is rejected, and returns the error. */
export async function rejects(claim, promise) {
  try {
    const got = await promise;
    holds(claim, false, got);
    return {};
  } catch (error) {
    holds(claim, true);
    return error;
  }
}

/** Reads what `run` passes on. */
export function setting(name) {
  const value = process.env[name];
  if (value === undefined) {
    console.error(`${name} is not set; start the drivers with tests/clients/run`);
    process.exit(1);
  }
  return value;
}

/** Ends the driver. */
export function finish() {
  process.exit(failed ? 1 : 0);
}
