package io.streamrelay;

/** How far an exchange had come when its client left. */
public enum DisconnectPhase {
  /** Nothing had been sent upstream. */
  REQUEST("request"),
  /** The client had no byte of an answer. */
  WAITING("waiting"),
  /** The answer was on its way. */
  STREAMING("streaming");

  private final String label;

  DisconnectPhase(String label) {
    this.label = label;
  }

  /**
   * Returns the value in metrics and logs.
   *
   * @return in lower case
   */
  public String label() {
    return label;
  }
}
