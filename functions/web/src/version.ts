/** The version of this SDK; package.json has the same. */
export const version = "0.1.0";
