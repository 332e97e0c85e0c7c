package io.caravan.event;

/**
 * How large a batch may be that is read back from the batch log.
 *
 * @param events the most events of a batch
 * @param bytes the most bytes of a batch of several events; a single event may be larger
 * @param eventBytes the most bytes of one event
 */
public record BatchLimits(int events, long bytes, long eventBytes) {}
