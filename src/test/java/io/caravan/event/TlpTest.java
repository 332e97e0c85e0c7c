package io.caravan.event;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TlpTest {

    @ParameterizedTest
    @CsvSource({
        "613f2e26-407d-48c7-9eca-b8e91df99dc9, CLEAR",
        "34098fce-860f-48ae-8e50-ebd3cc5e41da, GREEN",
        "f88d31f6-486f-44da-b317-01333bde0b82, AMBER",
        "826578e1-40ad-459f-bc73-ede076f81f37, AMBER_STRICT",
        "5e57c739-391a-4eb3-b6be-7d15ca92d5ed, RED",
        "94868c89-83c2-464b-929b-a1a8aa3c8487, CLEAR",
        "bab4a63c-aed9-4cf5-a766-dfca5abac2bb, GREEN",
        "55d920b0-5e8b-4f79-9ee9-91f868d9b421, AMBER",
        "939a9414-2ddd-4d32-a0cd-375ea402b003, AMBER_STRICT",
        "e828b379-4e03-4974-9ac4-e53a884c97c1, RED",
    })
    void knowsTheMarkingsOfTlp1AndOfTlp2(String uuid, Tlp tlp) {
        assertThat(Tlp.ofMarking("marking-definition--" + uuid)).contains(tlp);
        assertThat(Tlp.ofMarking("marking-definition--" + uuid.toUpperCase())).contains(tlp);
    }

    @ParameterizedTest
    @CsvSource({
        "TLP:WHITE,        CLEAR",
        "TLP:CLEAR,        CLEAR",
        "tlp:white,        CLEAR",
        "Tlp:Green,        GREEN",
        "' TLP:AMBER ',    AMBER",
        "TLP:AMBER+STRICT, AMBER_STRICT",
        "tlp:amber+strict, AMBER_STRICT",
        "TLP:RED,          RED",
    })
    void knowsTheNamesOfTlp1AndOfTlp2InAnyCase(String name, Tlp tlp) {
        assertThat(Tlp.ofName(name)).contains(tlp);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "TLP", "AMBER", "TLP:BLACK", "PAP:RED", "STATEMENT: TLP:RED", "TLP:CLEAR or so"})
    void takesNoOtherNameForOne(String name) {
        assertThat(Tlp.ofName(name)).isEmpty();
    }

    @Test
    void takesNoOtherMarkingForOne() {
        assertThat(Tlp.ofMarking("marking-definition--00000000-0000-4000-8000-000000000000"))
                .isEmpty();
    }

    @Test
    void theStricterOfTwoCountsAndAnyIsStricterThanNone() {
        assertThat(Tlp.strictest(Optional.of(Tlp.GREEN), Optional.of(Tlp.AMBER)))
                .contains(Tlp.AMBER);
        assertThat(Tlp.strictest(Optional.of(Tlp.AMBER_STRICT), Optional.of(Tlp.AMBER)))
                .contains(Tlp.AMBER_STRICT);
        assertThat(Tlp.strictest(Optional.of(Tlp.RED), Optional.of(Tlp.AMBER_STRICT)))
                .contains(Tlp.RED);
        assertThat(Tlp.strictest(Optional.empty(), Optional.of(Tlp.CLEAR))).contains(Tlp.CLEAR);
        assertThat(Tlp.strictest(Optional.of(Tlp.CLEAR), Optional.empty())).contains(Tlp.CLEAR);
        assertThat(Tlp.strictest(Optional.empty(), Optional.empty())).isEmpty();
    }

    @Test
    void isWrittenAsThePlatformDoes() {
        assertThat(Tlp.AMBER_STRICT).hasToString("TLP:AMBER+STRICT");
    }
}
