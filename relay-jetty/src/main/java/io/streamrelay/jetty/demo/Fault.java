package io.streamrelay.jetty.demo;

import io.streamrelay.jetty.demo.Reply.End;
import io.streamrelay.jetty.demo.Reply.Step;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What goes wrong on request: asked for by the name of a model, of a voice, or by a header. */
enum Fault {
  NONE(""),
  /** 429 with {@code Retry-After}. */
  RATE_LIMITED("demo-429"),
  /** 500. */
  SERVER_ERROR("demo-500"),
  /** Some tokens, an error event, a clean end; as audio has no events, a cut there. */
  ERROR_EVENT("demo-error"),
  /** Some tokens, then silence. */
  STALL("demo-stall"),
  /** Some tokens, then a broken connection. */
  CUT("demo-cut"),
  /** Some tokens, then a clean end of the body without the API's own end mark. */
  TRUNCATE("demo-truncate"),
  /** A long wait for the head. */
  SLOW("demo-slow"),
  /** No pauses. */
  FAST("demo-fast");

  static final String HEADER = "x-demo-fault";

  /** How many tokens or pieces of audio come before a fault in mid-stream. */
  static final int PIECES_BEFORE = 5;

  private final String name;

  Fault(String name) {
    this.name = name;
  }

  /** Returns the fault of the first name that is one's. */
  static Fault named(@Nullable String... names) {
    for (String name : names) {
      for (Fault fault : values()) {
        if (fault != NONE && fault.name.equals(name)) {
          return fault;
        }
      }
    }
    return NONE;
  }

  /** Throws the refusal, if the fault is one. */
  void refuse() throws Refusal {
    if (this == RATE_LIMITED) {
      throw new Refusal(429, "rate_limit_exceeded", "Rate limit reached, as demo-429 asks for.");
    }
    if (this == SERVER_ERROR) {
      throw new Refusal(500, "server_error", "The server had an error, as demo-500 asks for.");
    }
  }

  Pace pace(Pace pace) {
    return switch (this) {
      case SLOW -> pace.slow();
      case FAST -> pace.unpaced();
      default -> pace;
    };
  }

  /**
   * Plays events.
   *
   * @param events all of them, whole
   * @param before how many come before a fault
   * @param error the API's error event
   */
  Reply events(Pace pace, List<String> events, int before, String error) {
    List<String> sent = new ArrayList<>(breaks() ? events.subList(0, before) : events);
    if (this == ERROR_EVENT) {
      sent.add(error);
    }
    List<Step> steps = new ArrayList<>();
    for (String event : sent) {
      steps.add(Step.of(steps.isEmpty() ? pace.thinkTime() : pace.tokenGap(), event));
    }
    return new Reply(200, Reply.EVENTS, steps, end(pace, this == ERROR_EVENT));
  }

  /**
   * Plays a whole JSON answer, or half of it.
   *
   * @param tokens how many tokens to wait for
   */
  Reply json(Pace pace, int tokens, String json) throws Refusal {
    if (this == ERROR_EVENT) {
      throw new Refusal(500, "server_error", "The server had an error, as demo-error asks for.");
    }
    String sent = breaks() ? json.substring(0, json.length() / 2) : json;
    Duration pause = pace.thinkTime().plus(pace.tokenGap().multipliedBy(tokens));
    return new Reply(200, Reply.JSON, List.of(Step.of(pause, sent)), end(pace, false));
  }

  /** Plays audio. */
  Reply audio(Pace pace, String contentType, List<Step> pieces) {
    int before = Math.min(PIECES_BEFORE, pieces.size());
    List<Step> sent = breaks() ? pieces.subList(0, before) : pieces;
    return new Reply(200, contentType, sent, end(pace, false));
  }

  private boolean breaks() {
    return this == ERROR_EVENT || this == STALL || this == CUT || this == TRUNCATE;
  }

  private End end(Pace pace, boolean errorWasSaid) {
    return switch (this) {
      case STALL -> new End(pace.stall(), false);
      case CUT -> new End(pace.tokenGap(), false);
      case ERROR_EVENT -> errorWasSaid ? End.CLEAN : new End(pace.tokenGap(), false);
      default -> End.CLEAN;
    };
  }
}
