/**
 * What a Spring application needs beside the servlet; nothing else of the relay needs Spring.
 *
 * <p>Read {@link io.streamrelay.jetty.spring.RelayLifecycle} first.
 */
@NullMarked
package io.streamrelay.jetty.spring;

import org.jspecify.annotations.NullMarked;
