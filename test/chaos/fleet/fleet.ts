import { type Exit, type Replica, startReplica } from '../../helpers/replica.ts';
import type { RtmVariables } from '../../helpers/rtm-env.ts';

/** Where one replica after another runs. */
export interface Place {
  readonly index: number;
  replica: Replica;
  /** Whether clients are sent here, as a load balancer would know it. */
  isOpen: boolean;
}

/** Replicas as processes, beside each other and after each other. */
export interface Fleet extends AsyncDisposable {
  readonly places: readonly Place[];
  /** Every replica that there ever was. */
  readonly replicas: readonly Replica[];
  /** The first, the second, the third, and again the first. */
  inTurn(number: number): Place;
  /** Of those that take requests. */
  urls(): readonly string[];
  kill(place: Place): Promise<void>;
  /** The kernel gives it no more time; it does not know. */
  pause(place: Place): void;
  resume(place: Place): void;
  /** Tells it to stop, and waits until it has. */
  stop(place: Place): Promise<Exit>;
  /** A replica in the place of one that is gone; of another version, where `main` is its main.ts. */
  start(place: Place, main?: string): Promise<void>;
}

export async function startFleet(
  count: number,
  variablesOf: (index: number) => RtmVariables,
): Promise<Fleet> {
  const replicas: Replica[] = [];
  const startAt = async (index: number, main?: string): Promise<Replica> => {
    const replica = await startReplica(variablesOf(index), main);
    replicas.push(replica);
    return replica;
  };
  const places: Place[] = [];
  const fleet: Fleet = {
    places,
    replicas,
    inTurn(number) {
      const place = places[number % places.length];
      if (!place) throw new Error('there are no places');
      return place;
    },
    urls: () => places.filter((one) => one.isOpen).map((one) => one.replica.url),
    async kill(place) {
      place.isOpen = false;
      await place.replica.end('SIGKILL');
    },
    pause(place) {
      place.isOpen = false;
      place.replica.signal('SIGSTOP');
    },
    resume(place) {
      place.replica.signal('SIGCONT');
      place.isOpen = true;
    },
    stop(place) {
      place.isOpen = false;
      return place.replica.end('SIGTERM');
    },
    async start(place, main) {
      place.replica = await startAt(place.index, main);
      place.isOpen = true;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(replicas.map((one) => one.end('SIGKILL')));
    },
  };
  try {
    const starts = Array.from({ length: count }, (_, index) => startAt(index));
    for (const [index, start] of starts.entries()) places.push({ index, replica: await start, isOpen: true });
    return fleet;
  } catch (error) {
    await fleet[Symbol.asyncDispose]();
    throw error;
  }
}
