package io.caravan.opencti.push;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.caravan.opencti.OpenctiConfiguration;
import io.caravan.opencti.Platform;
import io.caravan.testkit.FakeDestination;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class ConnectorTest {

    @Test
    void isRegisteredAgainByThePingAfterTheOneThatDidNotFindIt() throws Exception {
        try (FakeDestination destination = FakeDestination.start()) {
            OpenctiConfiguration connection = new OpenctiConfiguration();
            connection.setUrl(destination.url());
            connection.setToken(FakeDestination.TOKEN);
            GraphQl api = new GraphQl(new Platform(connection), Duration.ofSeconds(20));
            Connector connector = new Connector(api, Connector.idOf("there", "here"), "Caravan");
            connector.ping("{}");
            destination.deleteConnectors();

            assertThatThrownBy(() -> connector.ping("{}")).hasMessageContaining("No connector found");
            assertThat(destination.connectors()).isEmpty();
            connector.ping("{}");
            assertThat(destination.connectors()).containsOnlyKeys(connector.id());
            assertThat(destination.pings()).hasSize(2);
            assertThat(destination.failures()).isEmpty();
        }
    }
}
