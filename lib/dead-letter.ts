/** A request that could not be read, as it was put aside. */
export interface DeadLetter {
  /** Of its entry in the stream of dead letters. */
  readonly letterId: string;
  /** `{stream of dead letters}/{letter id}`: the `source_ref` of the operation that a replay makes of it. */
  readonly ref: string;
  readonly sourceStream: string;
  readonly sourceEntryId: string;
  readonly errorCode: string;
  readonly errorMessage: string;
  /** What the request said, as far as it was kept. */
  readonly fields: Readonly<Record<string, string>>;
  /** Epoch milliseconds. */
  readonly rejectedAt: number;
}
