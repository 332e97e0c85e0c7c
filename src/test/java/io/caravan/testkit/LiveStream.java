package io.caravan.testkit;

/**
 * A live stream that the platform knows. Immutable.
 *
 * @param live started; a stopped one answers 410
 * @param open public: served without a token
 */
public record LiveStream(String id, String name, String description, boolean live, boolean open) {

    /** A started stream that asks for a token. */
    public static LiveStream of(String id, String name) {
        return new LiveStream(id, name, "", true, false);
    }

    public LiveStream stopped() {
        return new LiveStream(id, name, description, false, open);
    }

    public LiveStream withoutToken() {
        return new LiveStream(id, name, description, live, true);
    }
}
