/** What a refusal does (PROTOCOL 0.5). */

export class Refused extends Error {
  /** `effect` is discard, close, refuse, desync or warn. */
  constructor(effect, message) {
    super(message);
    this.effect = effect;
  }
}

export const discard = (message) => new Refused("discard", message);
export const close = (message) => new Refused("close", message);
export const refuse = (message) => new Refused("refuse", message);
export const desync = (message) => new Refused("desync", message);
export const warn = (message) => new Refused("warn", message);

/** What a person typed is wrong: a phrase or a token, with the one fault. */
export class InvalidInput extends Error {
  constructor(wrong) {
    super(wrong);
    this.wrong = wrong;
  }
}
