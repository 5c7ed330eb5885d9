import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowStore;

/**
 * The reference beside which the bench measures: mean load of each meter and quarter-hour, compared with a cap, what is
 * over it sent to a topic. No order, no baseline, no late data, no database: the least that a stream job can do.
 *
 * <p>Arguments: bootstrap, input topic, output topic, readings, meters, threads, folder for state, changelog (true or
 * false). Prints one JSON object when all input is consumed.
 */
public final class WindowMean {
  private static final Duration SLOT = Duration.ofMinutes(15);

  record Reading(long endMs, double kw) {}

  record Sum(int count, double kw) {
    Sum plus(double more) {
      return new Sum(count + 1, kw + more);
    }

    double mean() {
      return kw / count;
    }
  }

  /** Streaming parser; texts of times come again and again, so each is parsed once. */
  static final class ReadingReader implements Deserializer<Reading> {
    private final JsonFactory json = new JsonFactory();
    private final Map<String, Long> times = new ConcurrentHashMap<>();

    @Override
    public Reading deserialize(String topic, byte[] body) {
      long endMs = 0;
      double kw = Double.NaN;
      try (JsonParser parser = json.createParser(body)) {
        parser.nextToken();
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
          String name = parser.currentName();
          parser.nextToken();
          if (name.equals("ts")) {
            endMs = times.computeIfAbsent(parser.getText(), t -> OffsetDateTime.parse(t).toInstant().toEpochMilli());
          } else if (name.equals("kw")) {
            kw = parser.getDoubleValue();
          }
        }
      } catch (IOException error) {
        throw new IllegalArgumentException(error);
      }
      return new Reading(endMs, kw);
    }
  }

  static Serde<Sum> sums() {
    Serializer<Sum> write = (t, sum) -> ByteBuffer.allocate(12).putInt(sum.count()).putDouble(sum.kw()).array();
    Deserializer<Sum> read = (t, bytes) -> {
      ByteBuffer buffer = ByteBuffer.wrap(bytes);
      return new Sum(buffer.getInt(), buffer.getDouble());
    };
    return Serdes.serdeFrom(write, read);
  }

  public static void main(String[] args) throws Exception {
    String bootstrap = args[0];
    String input = args[1];
    String output = args[2];
    long readings = Long.parseLong(args[3]);
    int meters = Integer.parseInt(args[4]);
    int threads = Integer.parseInt(args[5]);
    boolean changelog = Boolean.parseBoolean(args[7]);

    Map<String, Double> capsKw = new HashMap<>();
    for (int i = 0; i < meters; i++) {
      capsKw.put(String.format("MP%08d", i), i % 2 == 1 ? 100.0 : 0.7 * 16_000 / 24);
    }
    AtomicLong consumed = new AtomicLong();
    LongAdder violations = new LongAdder();
    CountDownLatch allConsumed = new CountDownLatch(1);

    Materialized<String, Sum, WindowStore<Bytes, byte[]>> store =
        Materialized.<String, Sum>as(Stores.inMemoryWindowStore("sums", SLOT, SLOT, false))
            .withKeySerde(Serdes.String())
            .withValueSerde(sums())
            .withCachingEnabled();
    store = changelog ? store : store.withLoggingDisabled();
    Serde<Reading> reading = Serdes.serdeFrom((t, r) -> null, new ReadingReader());
    StreamsBuilder builder = new StreamsBuilder();
    // The interval's end is the window's edge: a millisecond before it lies inside.
    builder.stream(input, Consumed.with(Serdes.String(), reading)
            .withTimestampExtractor((record, before) -> ((Reading) record.value()).endMs() - 1))
        .peek((meter, value) -> {
          if (consumed.incrementAndGet() == readings) {
            allConsumed.countDown();
          }
        })
        .groupByKey(Grouped.with(Serdes.String(), reading))
        .windowedBy(TimeWindows.ofSizeWithNoGrace(SLOT))
        .aggregate(() -> new Sum(0, 0), (meter, value, sum) -> sum.plus(value.kw()), store)
        .toStream()
        .filter((window, sum) -> sum.mean() > capsKw.get(window.key()))
        .map((window, sum) -> {
          violations.increment();
          return KeyValue.pair(window.key(), "{\"slot_end\":" + window.window().end() + ",\"kw\":" + sum.mean() + "}");
        })
        .to(output, Produced.with(Serdes.String(), Serdes.String()));

    Properties settings = new Properties();
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, output + "-job");
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap);
    settings.put(StreamsConfig.STATE_DIR_CONFIG, args[6]);
    settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, threads);
    settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 100);
    settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 64L << 20);
    settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
    settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
    settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 10_000);

    OperatingSystemMXBean process = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    long[] begun = new long[2];
    try (KafkaStreams streams = new KafkaStreams(builder.build(), settings)) {
      streams.setStateListener((now, before) -> {
        if (now == KafkaStreams.State.RUNNING && begun[0] == 0) {
          begun[1] = process.getProcessCpuTime();
          begun[0] = System.nanoTime();
        }
      });
      streams.start();
      if (!allConsumed.await(15, TimeUnit.MINUTES)) {
        throw new IllegalStateException("consumed only " + consumed.get());
      }
      long ended = System.nanoTime();
      long cpu = process.getProcessCpuTime();
      streams.close(Duration.ofSeconds(30)); // flushes the cache: the last violations are sent
      System.out.printf("{\"wall_s\":%.4f,\"cpu_s\":%.2f,\"violations\":%d}%n",
          (ended - begun[0]) / 1e9, (cpu - begun[1]) / 1e9, violations.sum());
    }
  }
}
