package io.caravan.opencti.push;

import java.util.concurrent.atomic.LongAdder;

/** What became of the objects that were pushed. Written and read by any thread. */
public final class PushCounters {

    private final LongAdder pushed = new LongAdder();
    private final LongAdder applied = new LongAdder();
    private final LongAdder failed = new LongAdder();
    private final LongAdder unknown = new LongAdder();
    private final LongAdder refused = new LongAdder();
    private final LongAdder kept = new LongAdder();
    private final LongAdder files = new LongAdder();
    private final LongAdder filesLeftOut = new LongAdder();

    void pushed(int objects) {
        pushed.add(objects);
    }

    void applied(int objects) {
        applied.add(objects);
    }

    void failed(int objects) {
        failed.add(objects);
    }

    void unknown(int objects) {
        unknown.add(objects);
    }

    void refusal() {
        refused.increment();
    }

    void keeping() {
        kept.increment();
    }

    void files(int sent) {
        files.add(sent);
    }

    void filesLeftOut(int files) {
        filesLeftOut.add(files);
    }

    /** Queued at the destination. */
    public long pushed() {
        return pushed.sum();
    }

    /** Done there, as far as it tells. */
    public long applied() {
        return applied.sum();
    }

    /** Not done there, for the reason it gives. */
    public long failed() {
        return failed.sum();
    }

    /** Of which it was not told in time, or may not be told, what became of them. */
    public long unknown() {
        return unknown.sum();
    }

    /** Not taken at all. */
    public long refused() {
        return refused.sum();
    }

    /** Gone, and not removed there because of others. */
    public long kept() {
        return kept.sum();
    }

    /** Files and embedded images that went with their objects. */
    public long files() {
        return files.sum();
    }

    /** Those that objects went without: too large, not to be had, or refused. */
    public long filesLeftOut() {
        return filesLeftOut.sum();
    }
}
