package peers;

import org.operaton.bpm.engine.delegate.DelegateExecution;
import org.operaton.bpm.engine.delegate.JavaDelegate;

/** Writes what our task writes as a record and a frame: two texts that take values of the instance. */
public class TwoVariables implements JavaDelegate {
  @Override
  public void execute(DelegateExecution execution) throws Exception {
    String bike = (String) execution.getVariable("bike");
    execution.setVariable("record", "{\"name\":\"Tamsin\",\"bike\":\"" + bike + "\"}");
    execution.setVariable("frame", "{\"name\":\"Tamsin\"}");
  }
}
