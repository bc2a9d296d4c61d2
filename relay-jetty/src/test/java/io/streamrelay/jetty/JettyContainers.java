package io.streamrelay.jetty;

import io.streamrelay.jetty.TestContainer.Mount;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.List;
import okhttp3.tls.HeldCertificate;
import org.eclipse.jetty.alpn.server.ALPNServerConnectionFactory;
import org.eclipse.jetty.http2.server.HTTP2CServerConnectionFactory;
import org.eclipse.jetty.http2.server.HTTP2ServerConnectionFactory;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.SecureRequestCustomizer;
import org.eclipse.jetty.server.SslConnectionFactory;
import org.eclipse.jetty.util.ssl.SslContextFactory;

/** Jetty with more protocols than HTTP/1.1 in clear. */
final class JettyContainers {
  private static final HeldCertificate CERTIFICATE =
      new HeldCertificate.Builder()
          .commonName("localhost")
          .addSubjectAlternativeName("localhost")
          .addSubjectAlternativeName("127.0.0.1")
          .build();

  private JettyContainers() {}

  /** Whom a client has to trust. */
  static X509Certificate certificate() {
    return CERTIFICATE.certificate();
  }

  /** HTTP/1.1 and, for clients that begin with it, HTTP/2; both in clear. */
  static TestContainer h2c(List<Mount> mounts, Duration idle) throws Exception {
    HttpConfiguration http = new HttpConfiguration();
    return TestContainer.jetty(
        mounts, idle, new HttpConnectionFactory(http), new HTTP2CServerConnectionFactory(http));
  }

  /** Over TLS HTTP/2 or HTTP/1.1, as ALPN agrees on. */
  static TestContainer tls(List<Mount> mounts, Duration idle) throws Exception {
    HttpConfiguration http = new HttpConfiguration();
    // The tests' clients connect to an address, which has no name to indicate.
    http.addCustomizer(new SecureRequestCustomizer(false));
    ALPNServerConnectionFactory alpn = new ALPNServerConnectionFactory();
    alpn.setDefaultProtocol("http/1.1");
    SslContextFactory.Server tls = new SslContextFactory.Server();
    tls.setKeyStore(keyStore());
    tls.setKeyStorePassword("");
    return TestContainer.jetty(
        mounts,
        idle,
        new SslConnectionFactory(tls, alpn.getProtocol()),
        alpn,
        new HTTP2ServerConnectionFactory(http),
        new HttpConnectionFactory(http));
  }

  private static KeyStore keyStore() throws Exception {
    KeyStore store = emptyStore();
    PrivateKey key = CERTIFICATE.keyPair().getPrivate();
    store.setKeyEntry("server", key, new char[0], new Certificate[] {certificate()});
    return store;
  }

  /** What a client needs to trust the server. */
  static KeyStore trustStore() throws Exception {
    KeyStore store = emptyStore();
    store.setCertificateEntry("server", certificate());
    return store;
  }

  private static KeyStore emptyStore() throws Exception {
    try {
      KeyStore store = KeyStore.getInstance("PKCS12");
      store.load(null, null);
      return store;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }
}
