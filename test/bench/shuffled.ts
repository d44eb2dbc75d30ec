/** In an order of chance, so that what one way leaves behind is not always in the time of the same other one. */
export const shuffled = <T>(all: readonly T[]): T[] =>
  all
    .map((one) => ({ one, place: Math.random() }))
    .toSorted((left, right) => left.place - right.place)
    .map(({ one }) => one);
