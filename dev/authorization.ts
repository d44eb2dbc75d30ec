/** The header that the REST API asks for, where the environment configures a token. */
export function authorization(): Record<string, string> {
  // During a rotation there are two, separated by a comma.
  const token = process.env.RTMANAGER_INTERNAL_HTTP_TOKEN?.split(',', 1)[0];
  return token ? { authorization: `Bearer ${token}` } : {};
}
