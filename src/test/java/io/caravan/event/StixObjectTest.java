package io.caravan.event;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import org.junit.jupiter.api.Test;

class StixObjectTest {

    private static final String EXTENSION = "extension-definition--ea279b3e-5c71-4632-ac08-831c66a786ba";

    @Test
    void aRelationEndsAtTheObjectThatItsInternalEndNamesWhateverTheStixIdIsNow() throws IOException {
        StixObject relation = read("{'type':'relationship','source_ref':'tool--old','target_ref':'malware--b',"
                + "'extensions':{'%s':{'source_ref':'internal-a','target_ref':'internal-b'}}}".formatted(EXTENSION));

        assertThat(relation.endsAt(tool("tool--new", "internal-a"))).isTrue();
        assertThat(relation.endsAt(tool("tool--old", "internal-c"))).isFalse();
        assertThat(relation.endsAt(tool("tool--old", ""))).isTrue();
    }

    @Test
    void aRelationWithoutInternalEndsEndsWhereItsStixIdsSay() throws IOException {
        StixObject relation =
                read("{'type':'sighting','sighting_of_ref':'tool--a','where_sighted_refs':['identity--b']}");

        assertThat(relation.endsAt(tool("tool--a", "internal-a"))).isTrue();
        assertThat(relation.endsAt(tool("tool--b", "internal-a"))).isFalse();
    }

    private static StixObject tool(String id, String internalId) throws IOException {
        return read("{'type':'tool','id':'%s','extensions':{'%s':{'id':'%s'}}}".formatted(id, EXTENSION, internalId));
    }

    private static StixObject read(String json) throws IOException {
        return StixObject.read(Bytes.of(json.replace('\'', '"')));
    }
}
