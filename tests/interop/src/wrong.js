export const WRONG = {};
