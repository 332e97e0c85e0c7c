package io.caravan.event;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonTest {

    @ParameterizedTest
    @ValueSource(
            strings = {
                "1e99999999999",
                "-1e99999999999",
                "1E-99999999999",
                "1.5e+2147483648",
                "0e99999999999",
                "1e2147483647",
                "1.10",
                "123456789012345678901234567890"
            })
    void aNumberLeavesATreeAsItIsWritten(String number) throws Exception {
        String json = "{\"a\":[{\"n\":" + number + ",\"b\":1}," + number + "],\"c\":\"x\"}";
        JsonNode tree = Json.tree(Bytes.of(json));

        assertThat(Json.bytes(tree).toString().replace("E+", "e")).isEqualTo(json);
        assertThat(tree.at("/a/0/b").intValue()).isEqualTo(1);
        assertThat(tree.path("c").textValue()).isEqualTo("x");
        assertThat(Json.tree(Bytes.of(json))).isEqualTo(tree);
    }

    @Test
    void numbersThatNoTypeHoldsAreNotTakenForEqual() throws Exception {
        assertThat(Json.tree(Bytes.of("[1e99999999999]"))).isNotEqualTo(Json.tree(Bytes.of("[1e99999999998]")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"{\"n\":1e99999999999", "{\"n\":1e}", "{\"n\":1e99999999999,}", "{\"n\":1e99999999999 2}"})
    void whatIsNoJsonIsRefusedAllTheSame(String json) {
        assertThatThrownBy(() -> Json.tree(Bytes.of(json))).isInstanceOf(JsonProcessingException.class);
    }
}
