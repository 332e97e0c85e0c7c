package io.caravan.event;

import java.io.IOException;

/** Keeps dead letters. What it returns from is kept for good; a stream that starts again may bring the same one again. */
public interface DeadLetters {

    void keep(DeadLetter letter) throws IOException;
}
