/** The header that the REST API asks for, where the environment configures a token. */
export function authorization(): Record<string, string> {
  const token = process.env.RTMANAGER_INTERNAL_HTTP_TOKEN;
  return token ? { authorization: `Bearer ${token}` } : {};
}
