// Stands in for re2js, with which Firestore's pipelines match regular
// expressions: a quarter of the whole SDK, and Doorbell uses no pipelines.
export const RE2JS = {
  compile(): never {
    throw new Error("regular expressions in Firestore pipelines are not part of Doorbell's SDK");
  },
};
