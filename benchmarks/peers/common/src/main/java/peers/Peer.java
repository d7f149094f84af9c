package peers;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import javax.sql.DataSource;

/**
 * One Java engine under measurement. It reads lines `straight|durable threads seconds` and answers each with
 * `instances seconds walBytes`, so that one warm virtual machine can be asked in turn with the others.
 */
public abstract class Peer {
  public static final Map<String, Object> VARIABLES =
      Map.of("application", "{\"client\":{\"firstName\":\"Tamsin\",\"heightCm\":174}}", "bike", "TRAIL-300");

  protected final DataSource source;

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

  /** Start, then three receive tasks triggered one by one: four transactions. */
  protected abstract void durable();

  protected void serve() throws Exception {
    System.out.println("ready");
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      String[] words = line.trim().split(" ");
      Runnable one = words[0].equals("durable") ? this::durable : this::straight;
      System.out.println(measure(one, Integer.parseInt(words[1]), Double.parseDouble(words[2])));
    }
    System.exit(0);
  }

  private String measure(Runnable one, int threads, double seconds) throws Exception {
    long walBefore = wal();
    long begun = System.nanoTime();
    long until = begun + (long) (seconds * 1e9);
    ExecutorService pool = Executors.newFixedThreadPool(threads);
    List<Future<Long>> running = new ArrayList<>();
    for (int i = 0; i < threads; i++) {
      running.add(pool.submit(() -> {
        long done = 0;
        while (System.nanoTime() < until) {
          one.run();
          done++;
        }
        return done;
      }));
    }
    long done = 0;
    for (Future<Long> each : running) {
      done += each.get();
    }
    double spent = (System.nanoTime() - begun) / 1e9;
    pool.shutdown();
    return done + " " + spent + " " + (wal() - walBefore);
  }

  private long wal() throws Exception {
    try (Connection connection = source.getConnection();
        Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint")) {
      rows.next();
      return rows.getLong(1);
    }
  }
}
