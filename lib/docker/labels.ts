/** The labels by which RTM knows its containers (spec, section 3). */
export const OWNER_LABEL = 'com.galaxy.owner';
export const OWNER = 'rtmanager';
export const GAME_LABEL = 'com.galaxy.game_id';
export const IMAGE_LABEL = 'com.galaxy.engine_image_ref';
export const OPERATION_LABEL = 'com.galaxy.operation_id';
export const ATTEMPT_LABEL = 'com.galaxy.attempt';
const KIND_LABEL = 'com.galaxy.kind';
const STARTED_LABEL = 'com.galaxy.started_at_ms';

interface ContainerOrigin {
  gameId: string;
  imageRef: string;
  operationId: string;
  /** The fencing token under which the container is created. */
  attempt: number;
  startedAtMs: number;
}

export function makeLabels(origin: ContainerOrigin): Record<string, string> {
  return {
    [OWNER_LABEL]: OWNER,
    [KIND_LABEL]: 'game-engine',
    [GAME_LABEL]: origin.gameId,
    [IMAGE_LABEL]: origin.imageRef,
    [STARTED_LABEL]: String(origin.startedAtMs),
    [OPERATION_LABEL]: origin.operationId,
    [ATTEMPT_LABEL]: String(origin.attempt),
  };
}
