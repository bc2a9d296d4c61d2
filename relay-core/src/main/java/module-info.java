/**
 * Routes, policies, stream observation and accounting of the relay; no server and no HTTP client.
 */
module io.streamrelay.core {
  requires static transitive org.jspecify;

  exports io.streamrelay;
  exports io.streamrelay.http;
  exports io.streamrelay.route;
}
