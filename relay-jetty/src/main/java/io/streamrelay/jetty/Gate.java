package io.streamrelay.jetty;

/**
 * Keeps the relay's threads out of a container's request and response once these are another's.
 *
 * <p>A container that has ended an exchange, perhaps by itself because a write failed, gives the
 * objects to the next one. A thread of the relay that is still in there would then read and write
 * the bytes of a stranger. So every call into the container is made with this object's lock held,
 * and only while the gate is open; the container's last callbacks close it, and by taking the lock
 * wait for a call that is on its way. No such call blocks, so nobody waits for long.
 */
final class Gate {
  private boolean open = true;

  /** To be called, and acted upon, with the lock held. */
  boolean isOpen() {
    return open;
  }

  /** Lets no further call in; returns whether this closed it. */
  synchronized boolean close() {
    boolean was = open;
    open = false;
    return was;
  }
}
