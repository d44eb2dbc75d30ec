/** Whether a value has the form that a contract asks for; if not, one sentence that says what is wrong. */
export type Verdict = { readonly ok: true } | { readonly ok: false; readonly message: string };

/** What the parts of a value are called in a sentence. */
export interface Nouns {
  /** One part of it, such as `field` or `query parameter`. */
  readonly part: string;
  /** All of it, such as `the body`. */
  readonly whole: string;
}
