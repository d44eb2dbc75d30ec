import { killEach } from '../fleet/kill-each.ts';
import { pauseEach } from '../fleet/pause-each.ts';
import { rollOver } from '../fleet/roll-over.ts';
import { rollToNewer } from '../fleet/roll-to-newer.ts';
import { makeStage } from '../fleet/stage.ts';
import type { ChaosFigures, Scenario } from '../scenario.ts';

/** How many times each: the last one is the number of replicas that the newer version takes the place of. */
const SIZES = {
  short: { kills: 2, pauses: 1, stops: 1, replaced: 2 },
  full: { kills: 12, pauses: 6, stops: 9, replaced: 3 },
};

/** Three replicas under load, and everything that happens to replicas: they die, fall asleep, make room, and age. */
export const replicas: Scenario = {
  name: 'replicas',
  title: 'Replicas that die, fall asleep, and are replaced',
  async run(size, say) {
    const { kills, pauses, stops, replaced } = SIZES[size];
    await using stage = await makeStage(size);
    const acts = [
      () => killEach(stage, kills),
      () => pauseEach(stage, pauses),
      () => rollOver(stage, stops),
      () => rollToNewer(stage, replaced),
    ];
    const figures: ChaosFigures[] = [];
    for (const act of acts) {
      const figure = await act();
      figures.push(figure);
      say(`${figure.what}: ${figure.times} times, ${figure.requests} requests`);
    }
    return figures;
  },
};
