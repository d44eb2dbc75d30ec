/** Operations that openapi/rtmanager.yaml has and this version does not serve yet: they are `not_found`. */
export const NOT_SERVED: readonly string[] = [];
