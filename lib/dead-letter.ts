/** A request that could not be read, as it was put aside. */
export interface DeadLetter {
  /** Of its entry in the stream of dead letters. */
  readonly letterId: string;
  /** `{stream}/{entry id}` of what was put aside: the `source_ref` of the operation that comes of it, once, by whatever way. */
  readonly ref: string;
  /** Whether requests come by its stream still. */
  readonly isRead: boolean;
  /** Nothing was made of it before, epoch milliseconds. */
  readonly since: number;
  readonly sourceStream: string;
  readonly sourceEntryId: string;
  readonly errorCode: string;
  readonly errorMessage: string;
  /** What the request said, as far as it was kept. */
  readonly fields: Readonly<Record<string, string>>;
  /** Epoch milliseconds. */
  readonly rejectedAt: number;
}
