"""A real Apache Kafka broker of one node, from Maven's artefacts, for the tests of this folder.

The jars are fetched once into the user's cache; every broker has its own ports and data folder. It may be stopped, killed and
started again on the same data. Ports lie below the ephemeral range, where a client that looks for a broker that is down could
connect to itself.
"""

import base64
import fcntl
import os
import random
import shutil
import signal
import socket
import subprocess
import time
import uuid
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from flowx_site.demo import children

VERSION = "4.4.0"
POM = f"""<project><modelVersion>4.0.0</modelVersion>
 <groupId>test</groupId><artifactId>kafka-broker</artifactId><version>1</version><packaging>pom</packaging><dependencies>
  <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version></dependency>
  <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId>
   <version>2.25.5</version></dependency>
 </dependencies></project>
"""
NOT_NEEDED = (
    "scala-reflect,caffeine,jose4j,snakeyaml,jackson-dataformat-yaml,jackson-datatype-jdk8,commons-beanutils,"
    "commons-collections,commons-digester,commons-logging,kafka-tools-api,jspecify"
)
LOGGING = """status=error
appender.c.type=Console
appender.c.name=c
appender.c.layout.type=PatternLayout
appender.c.layout.pattern=%d %p %c{1}: %m%n
rootLogger.level=WARN
rootLogger.appenderRef.c.ref=c
"""
# Short sessions and heartbeats: rebalances and a restart after SIGKILL take seconds, not a quarter of a minute.
PROPERTIES = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{plain},CONTROLLER://127.0.0.1:{controller},AUTH://127.0.0.1:{sasl}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,AUTH:SASL_PLAINTEXT
inter.broker.listener.name=PLAINTEXT
listener.name.auth.sasl.enabled.mechanisms=PLAIN
listener.name.auth.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_app="{secret}";
log.dirs={folder}/data
auto.create.topics.enable=false
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.consumer.min.heartbeat.interval.ms=100
group.consumer.heartbeat.interval.ms=500
group.consumer.min.session.timeout.ms=1000
group.consumer.session.timeout.ms=6000
log.cleaner.dedupe.buffer.size=2097152
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
"""
SASL_USER, SASL_PASSWORD = "app", "app-secret"
START_LIMIT_S = 90.0


class NoKafkaError(RuntimeError):
    """A real broker cannot be had; the message says what to install or where to look."""


def jars() -> Path:
    """The folder of the broker's jars, filled by Maven the first time; raises NoKafkaError."""
    for program, package in (("java", "default-jre-headless"), ("mvn", "maven")):
        if shutil.which(program) is None:
            raise NoKafkaError(
                f"{program} is missing, which the real Kafka broker needs: install the package {package}."
            )
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "flowx-actions" / f"kafka-{VERSION}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (cache / "libs").exists():
            fetch(cache)
    return cache / "libs"


def fetch(cache: Path) -> None:
    """Have Maven copy the broker and what it needs; the folder appears only when all of it is there."""
    (cache / "pom.xml").write_text(POM)
    shutil.rmtree(cache / "fetched", ignore_errors=True)
    command = [
        *("mvn", "-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime"),
        *(f"-DoutputDirectory={cache / 'fetched'}", f"-DexcludeArtifactIds={NOT_NEEDED}"),
    ]
    done = subprocess.run(command, cwd=cache, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NoKafkaError(f"Maven could not fetch Kafka {VERSION}: {done.stdout.strip() or done.stderr.strip()}")
    (cache / "fetched").rename(cache / "libs")


def low_ports(count: int) -> list[int]:
    """Free ports below the ephemeral range."""
    found: list[int] = []
    while len(found) < count:
        port = random.randrange(20_000, 32_000)
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        if port not in found:
            found.append(port)
    return found


class KafkaServer:
    """One broker; `bootstrap` is its plain address, `sasl_bootstrap` the one that asks SASL_USER for SASL_PASSWORD."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        plain, controller, sasl = low_ports(3)
        self.bootstrap = f"127.0.0.1:{plain}"
        self.sasl_bootstrap = f"127.0.0.1:{sasl}"
        self._log = folder / "broker.log"
        self._properties = folder / "server.properties"
        self._properties.write_text(
            PROPERTIES.format(plain=plain, controller=controller, sasl=sasl, secret=SASL_PASSWORD, folder=folder)
        )
        (folder / "log4j2.properties").write_text(LOGGING)
        self._java = [
            *("java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"),
            *("-cp", f"{jars()}/*", f"-Dlog4j2.configurationFile={folder / 'log4j2.properties'}"),
        ]
        self._process: subprocess.Popen[bytes] | None = None
        self._format()

    def _format(self) -> None:
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        command = [
            *self._java,
            *("kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", str(self._properties)),
        ]
        with self._log.open("ab") as log:
            if subprocess.run(command, stdout=log, stderr=log, check=False).returncode != 0:
                raise NoKafkaError(f"Kafka's data folder could not be made: {self._log.read_text()[-2000:]}")

    def start(self) -> None:
        """Start and wait until it answers; on the data of last time, if there is some."""
        with self._log.open("ab") as log:
            self._process = children.start([*self._java, "kafka.Kafka", str(self._properties)], log=log)
        quiet = {"log_level": 0, "reconnect.backoff.ms": 50, "reconnect.backoff.max.ms": 200}
        admin = AdminClient({"bootstrap.servers": self.bootstrap} | quiet)
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                if admin.list_topics(timeout=1).brokers:
                    return
            except KafkaException:
                continue
        self.kill()
        raise NoKafkaError(f"Kafka did not start: {self._log.read_text()[-2000:]}")

    @property
    def runs(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End it in order; may be called twice."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a crash would."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                children.end([self._process], patience_s=0)
