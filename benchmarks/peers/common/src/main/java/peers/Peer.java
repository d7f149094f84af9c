package peers;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import javax.sql.DataSource;

/**
 * One Java engine under measurement. It reads lines and answers each, so that one warm virtual machine can be asked in turn
 * with the others; who asks takes the time:
 *
 * <pre>
 * prepare KIND COUNT         prepared    so many instances wait: for a message, a trigger, or a timer that is due
 * go KIND THREADS SECONDS    INSTANCES   straight, durable: whole instances for so long; else all that wait, to their end
 * check                      UNFINISHED  how many have not ended
 * </pre>
 */
public abstract class Peer {
  public static final Map<String, Object> VARIABLES =
      Map.of("application", "{\"client\":{\"firstName\":\"Tamsin\",\"heightCm\":174}}", "bike", "TRAIL-300");
  public static final int EXECUTOR_THREADS = 8;
  public static final int ACQUIRED_AT_ONCE = 256;
  public static final int WAIT_MS = 10;

  private static final int STEPS = 3;
  private static final int LOOK_MS = 20;

  protected final DataSource source;
  private List<String> waiting = List.of();

  protected Peer(String url, String user) {
    HikariConfig config = new HikariConfig();
    config.setJdbcUrl(url);
    config.setUsername(user);
    config.setMaximumPoolSize(70); // beyond the threads: Operaton takes a second connection for a block of ids
    config.setAutoCommit(true);
    source = new HikariDataSource(config);
  }

  /** Start, a service task that writes two variables, end: one transaction. */
  protected abstract void straight();

  /** Start an instance that waits at the first of three steps; gives what `trigger` or `receive` knows it by. */
  protected abstract String start(String process);

  /** Let the receive task at which it waits go on: one transaction. */
  protected abstract void trigger(String waiting, int step);

  /** Give it the message for which it waits, found by its subscription: one transaction. */
  protected abstract void receive(String waiting, int step);

  /** Let the engine's own executor look for due timers, or stop it. */
  protected abstract void fireTimers(boolean on);

  /** How many instances have not ended. */
  protected abstract long unfinished();

  protected static Map<String, Object> reply(int step) {
    return Map.of("reply" + step, "{\"ok\":true}");
  }

  /** Answer until nothing more is asked; a failure ends the virtual machine, so that who asks does not wait for ever. */
  protected void serve() {
    try {
      answerAll();
      System.exit(0);
    } catch (Exception failure) {
      failure.printStackTrace();
      System.exit(1);
    }
  }

  private void answerAll() throws Exception {
    System.out.println("ready");
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      String[] words = line.trim().split(" ");
      if (words[0].equals("prepare")) {
        prepare(words[1], Integer.parseInt(words[2]));
        System.out.println("prepared");
      } else if (words[0].equals("check")) {
        System.out.println(unfinished());
      } else {
        System.out.println(go(words[1], Integer.parseInt(words[2]), Double.parseDouble(words[3])));
      }
    }
  }

  private void prepare(String kind, int count) throws Exception {
    List<String> started = new ArrayList<>();
    for (List<String> part : inThreads(8, () -> {
      List<String> own = new ArrayList<>();
      for (int i = 0; i < count / 8; i++) {
        own.add(start(kind));
      }
      return own;
    })) {
      started.addAll(part);
    }
    waiting = started;
  }

  private long go(String kind, int threads, double seconds) throws Exception {
    switch (kind) {
      case "straight":
        return repeat(this::straight, threads, seconds);
      case "durable":
        return repeat(this::durable, threads, seconds);
      case "timers":
        fireTimers(true);
        while (unfinished() > 0) {
          Thread.sleep(LOOK_MS);
        }
        fireTimers(false);
        return waiting.size();
      default:
        for (int step = 1; step <= STEPS; step++) {
          takeStep(kind, step, threads);
        }
        return waiting.size();
    }
  }

  /** Start, then three receive tasks triggered one by one: four transactions. */
  private void durable() {
    String id = start("triggers");
    for (int step = 1; step <= STEPS; step++) {
      trigger(id, step);
    }
  }

  private void takeStep(String kind, int step, int threads) throws Exception {
    AtomicInteger next = new AtomicInteger();
    inThreads(threads, () -> {
      for (int i = next.getAndIncrement(); i < waiting.size(); i = next.getAndIncrement()) {
        if (kind.equals("messages")) {
          receive(waiting.get(i), step);
        } else {
          trigger(waiting.get(i), step);
        }
      }
      return null;
    });
  }

  private long repeat(Runnable one, int threads, double seconds) throws Exception {
    long until = System.nanoTime() + (long) (seconds * 1e9);
    long done = 0;
    for (long own : inThreads(threads, () -> {
      long count = 0;
      while (System.nanoTime() < until) {
        one.run();
        count++;
      }
      return count;
    })) {
      done += own;
    }
    return done;
  }

  private static <T> List<T> inThreads(int threads, Callable<T> work) throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(threads);
    List<Future<T>> running = new ArrayList<>();
    for (int i = 0; i < threads; i++) {
      running.add(pool.submit(work));
    }
    List<T> results = new ArrayList<>();
    for (Future<T> each : running) {
      results.add(each.get());
    }
    pool.shutdown();
    return results;
  }
}
