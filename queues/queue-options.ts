/** What all queues share. */
export const QUEUE_OPTIONS = {
  // The check is a command that fails where Redis hiccups, and the queue would never be usable again.
  skipVersionCheck: true,
  // BullMQ tells of each step of a job in a stream that nobody here reads, and would keep 10,000 of them a queue.
  streams: { events: { maxLen: 100 } },
};
