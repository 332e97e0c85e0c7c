package io.caravan.event;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Patches that fit and that do not. JSON is written with single quotes here. */
class ReversePatchTest {

    private static final String OBJECT =
            "{'id':'malware--a','name':'Emotet','labels':['bot','spam'],'lang':null,'size':{'n':1.10}}";

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "{'op':'replace','path':'/name','value':'Geodo'} | /name        | 'Geodo'",
                "{'op':'add','path':'/aliases','value':['x']}    | /aliases     | ['x']",
                "{'op':'add','path':'/labels/0','value':'x'}     | /labels      | ['x','bot','spam']",
                "{'op':'add','path':'/labels/2','value':'x'}     | /labels      | ['bot','spam','x']",
                "{'op':'add','path':'/labels/-','value':'x'}     | /labels      | ['bot','spam','x']",
                "{'op':'remove','path':'/labels/0'}              | /labels      | ['spam']",
                "{'op':'replace','path':'/labels/1','value':'x'} | /labels      | ['bot','x']",
                "{'op':'replace','path':'/lang','value':'en'}    | /lang        | 'en'",
                "{'op':'add','path':'/size/a~1b','value':1}      | /size/a~1b   | 1",
                "{'op':'move','from':'/name','path':'/nom'}      | /nom         | 'Emotet'",
                "{'op':'copy','from':'/labels','path':'/copied'} | /copied      | ['bot','spam']",
                "{'op':'test','path':'/name','value':'Emotet'}   | /name        | 'Emotet'",
                "{'op':'test','path':'/size/n','value':1.10}     | /size/n      | 1.10",
            })
    void appliesWhatFits(String operation, String pointer, String value) throws IOException {
        ReversePatch.Previous previous = apply("[" + operation + "]");

        assertThat(previous.complete()).isTrue();
        assertThat(previous.object().at(pointer)).isEqualTo(json(value));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                // nothing is there
                "{'op':'remove','path':'/granted_refs'}",
                "{'op':'replace','path':'/granted_refs','value':[]}",
                "{'op':'remove','path':'/labels/2'}",
                "{'op':'remove','path':'/labels/-'}",
                "{'op':'replace','path':'/labels/2','value':'x'}",
                "{'op':'replace','path':'/labels/99999999999','value':'x'}",
                "{'op':'move','from':'/granted_refs','path':'/x'}",
                "{'op':'copy','from':'/granted_refs','path':'/x'}",
                // no room there
                "{'op':'add','path':'/granted_refs/0','value':'x'}",
                "{'op':'add','path':'/name/x','value':'x'}",
                "{'op':'add','path':'/lang/x','value':'x'}",
                "{'op':'add','path':'/labels/3','value':'x'}",
                "{'op':'add','path':'/labels/99999999999','value':'x'}",
                "{'op':'add','path':'/labels/-1','value':'x'}",
                "{'op':'add','path':'/labels/01','value':'x'}",
                "{'op':'add','path':'/labels/first','value':'x'}",
                "{'op':'move','from':'/name','path':'/missing/x'}",
                "{'op':'move','from':'/size','path':'/size/n'}",
                // something else is there
                "{'op':'test','path':'/name','value':'Geodo'}",
                "{'op':'test','path':'/granted_refs','value':null}",
                // no pointers
                "{'op':'add','path':'name','value':'x'}",
                "{'op':'remove','path':'name'}",
                "{'op':'add','path':'/a~2b','value':'x'}",
                "{'op':'add','path':'/a~','value':'x'}",
                "{'op':'add','path':7,'value':'x'}",
                "{'op':'add','value':'x'}",
                "{'op':'copy','path':'/x'}",
                "{'op':'move','from':'name','path':'/x'}",
                // no operations
                "{'op':'add','path':'/x'}",
                "{'op':'REMOVE','path':'/granted_refs'}",
                "{'op':'invert','path':'/name','value':'x'}",
                "{'op':null,'path':'/name','value':'x'}",
                "{'path':'/name','value':'x'}",
                "7",
                "null",
                "'remove'",
                "[]",
                // no object would be left
                "{'op':'remove','path':''}",
                "{'op':'replace','path':'','value':7}",
                "{'op':'add','path':'','value':null}",
            })
    void leavesOutWhatDoesNotFitAndKeepsTheRest(String operation) throws IOException {
        ReversePatch.Previous previous = apply(
                "[{'op':'remove','path':'/labels/1'}," + operation + ",{'op':'add','path':'/name','value':'Geodo'}]");

        assertThat(previous.complete()).isFalse();
        assertThat(previous.object())
                .isEqualTo(json("{'id':'malware--a','name':'Geodo','labels':['bot'],'lang':null,'size':{'n':1.10}}"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"{'op':'remove','path':'/name'}", "{'0':{'op':'remove','path':'/name'}}", "'remove'", "7", "null"
            })
    void whatIsNoListChangesNothing(String patch) throws IOException {
        ReversePatch.Previous previous = apply(patch);

        assertThat(previous.complete()).isFalse();
        assertThat(previous.object()).isEqualTo(json(OBJECT));
    }

    @Test
    void theWholeObjectCanBeReplaced() throws IOException {
        ReversePatch.Previous previous = apply("[{'op':'replace','path':'','value':{'id':'malware--b'}}]");

        assertThat(previous.complete()).isTrue();
        assertThat(previous.object()).isEqualTo(json("{'id':'malware--b'}"));
    }

    @Test
    void anOperationSeesWhatThoseBeforeItDid() throws IOException {
        ReversePatch.Previous previous =
                apply("[{'op':'add','path':'/hashes','value':{}},{'op':'add','path':'/hashes/MD5','value':'x'},"
                        + "{'op':'remove','path':'/labels/0'},{'op':'remove','path':'/labels/0'}]");

        assertThat(previous.complete()).isTrue();
        assertThat(previous.object().at("/hashes/MD5")).isEqualTo(json("'x'"));
        assertThat(previous.object().at("/labels")).isEqualTo(json("[]"));
    }

    @Test
    void numbersStayAsTheyAreWritten() throws IOException {
        assertThat(apply("[{'op':'add','path':'/x','value':1E400}]").object())
                .hasToString(OBJECT.replace("}}", "},'x':1E+400}").replace('\'', '"'));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "/name                      | /name",
                "/labels/0                  | /labels",
                "/labels/-                  | /labels",
                "/kill_chain_phases/0/phase | /kill_chain_phases",
                "/extensions/e/files/12/id  | /extensions/e/files",
                "/hashes/SHA-256            | /hashes/SHA-256",
                "/a~1b/0a                   | /a~1b/0a",
            })
    void ofAListThePointerIsTheLists(String path, String pointer) throws IOException {
        assertThat(ReversePatch.pointers(json("[{'op':'remove','path':'" + path + "'}]")))
                .containsExactly(pointer);
    }

    @Test
    void pointersComeOnceInTheirOrderAndWithoutWhatIsNone() throws IOException {
        assertThat(ReversePatch.pointers(json("[{'path':'/labels/1'},{'path':'/name'},{'path':'/labels/0'},"
                        + "{'path':'name'},{'path':7},{'path':null},{},7,{'path':''}]")))
                .containsExactly("/labels", "/name", "");
    }

    private static ReversePatch.Previous apply(String patch) throws IOException {
        return ReversePatch.apply(json(patch), json(OBJECT));
    }

    private static JsonNode json(String text) throws IOException {
        return Json.tree(Bytes.of(text.replace('\'', '"')));
    }
}
