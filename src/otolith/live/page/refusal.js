/** The reason why signals are missing or cannot be used, in sentences for the reader. */
export class Refusal extends Error {}
