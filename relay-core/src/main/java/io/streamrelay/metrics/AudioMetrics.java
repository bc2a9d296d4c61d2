package io.streamrelay.metrics;

import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.Histogram;
import io.streamrelay.ExchangeRecord;
import io.streamrelay.observe.AudioStats;

/** What is told of spoken answers, by route. A route that never speaks has no series. */
final class AudioMetrics {
  private static final double[] FIRST_AUDIO_BOUNDS = {
    .01, .025, .05, .1, .2, .3, .5, .75, 1, 1.5, 2.5, 5, 10, 20, 40, 60
  };
  private static final double[] FACTOR_BOUNDS = {
    .25, .5, .75, .9, 1, 1.1, 1.25, 1.5, 2, 3, 5, 10, 25, 50, 100
  };

  private final Histogram timeToFirstAudio;
  private final Histogram realTimeFactor;
  private final Counter audio;
  private final Counter underruns;
  private final Counter underrunTime;

  AudioMetrics(Instruments make) {
    timeToFirstAudio =
        make.histogram(
            "relay_time_to_first_audio_seconds",
            "Seconds from a request to the first audio handed to the client.",
            FIRST_AUDIO_BOUNDS,
            "route");
    realTimeFactor =
        make.histogram(
            "relay_audio_real_time_factor",
            "Seconds of audio for each second from its first byte to its last; below 1 a player"
                + " runs dry. Without audio that came at once.",
            FACTOR_BOUNDS,
            "route");
    audio =
        make.counter(
            "relay_audio_seconds_total",
            "Seconds that the audio handed to clients plays, where its format tells.",
            "route");
    underruns =
        make.counter(
            "relay_audio_underruns_total",
            "Times that a player which starts with the first audio would have run dry.",
            "route");
    underrunTime =
        make.counter(
            "relay_audio_underrun_seconds_total",
            "Seconds for which such players would have been silent.",
            "route");
  }

  Tally forRoute(String route) {
    return new PerRoute(route);
  }

  private final class PerRoute implements Tally {
    private final LazyCounter played;
    private final LazyCounter dry;
    private final LazyCounter silent;
    private final LazyHistogram firstAudio;
    private final LazyHistogram factor;

    PerRoute(String route) {
      played = new LazyCounter(audio, route);
      dry = new LazyCounter(underruns, route);
      silent = new LazyCounter(underrunTime, route);
      firstAudio = new LazyHistogram(timeToFirstAudio, route);
      factor = new LazyHistogram(realTimeFactor, route);
    }

    @Override
    public void add(ExchangeRecord record) {
      firstAudio.observe(Instruments.secondsIfKnown(record.timings().timeToFirstAudioNanos()));
      AudioStats stats = record.audio();
      if (stats == null) {
        return;
      }
      dry.add(stats.underruns());
      silent.add(Instruments.secondsIfKnown(stats.underrunNanos()));
      if (stats.durationNanos() >= 0) {
        played.add(Instruments.seconds(stats.durationNanos()));
        if (stats.spanNanos() > 0) {
          factor.observe((double) stats.durationNanos() / stats.spanNanos());
        }
      }
    }
  }
}
