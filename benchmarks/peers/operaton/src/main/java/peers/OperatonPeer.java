package peers;

import java.util.Map;
import org.operaton.bpm.engine.ProcessEngine;
import org.operaton.bpm.engine.ProcessEngineConfiguration;
import org.operaton.bpm.engine.RuntimeService;
import org.operaton.bpm.engine.impl.cfg.StandaloneProcessEngineConfiguration;

/** Operaton, embedded, history full; removal times off, which spares it statements. */
public final class OperatonPeer extends Peer {
  private final RuntimeService runtime;

  private OperatonPeer(String url, String user) {
    super(url, user);
    StandaloneProcessEngineConfiguration config = new StandaloneProcessEngineConfiguration();
    config.setDataSource(source);
    config.setDatabaseSchemaUpdate(ProcessEngineConfiguration.DB_SCHEMA_UPDATE_TRUE);
    config.setHistory(ProcessEngineConfiguration.HISTORY_FULL);
    config.setHistoryRemovalTimeStrategy(ProcessEngineConfiguration.HISTORY_REMOVAL_TIME_STRATEGY_NONE);
    config.setHistoryCleanupEnabled(false);
    config.setHistoryCleanupStrategy("endTimeBased");
    config.setJobExecutorActivate(false);
    config.setMetricsEnabled(false);
    config.setIdBlockSize(10_000);
    ProcessEngine engine = config.buildProcessEngine();
    engine.getRepositoryService().createDeployment().addClasspathResource("peers.bpmn").deploy();
    runtime = engine.getRuntimeService();
  }

  @Override
  protected void straight() {
    runtime.startProcessInstanceByKey("straight", VARIABLES);
  }

  @Override
  protected void durable() {
    String id = runtime.startProcessInstanceByKey("durable", VARIABLES).getId();
    for (int step = 1; step <= 3; step++) {
      runtime.signal(id, Map.of("reply" + step, "{\"ok\":true}"));
    }
  }

  public static void main(String[] args) throws Exception {
    new OperatonPeer(args[0], args[1]).serve();
  }
}
