package io.caravan.ops;

import java.io.PrintStream;

public final class Check {
    public Check(Settings settings, PrintStream out) {}

    public boolean run() { return false; }
}
