package io.caravan.sink;

import io.caravan.event.Bytes;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * A mirror that is read: objects by their STIX ids, one at a time, however many there are. The program may write it
 * meanwhile; each object is met in its old or its new state. Stateless.
 */
public final class MirroredObjects {

    private final Path root;

    /** @param root where the types' folders are */
    public MirroredObjects(Path root) {
        this.root = root;
    }

    /** What is done with each of many ids. */
    @FunctionalInterface
    public interface Visit {
        void at(String id) throws IOException, InterruptedException;
    }

    /** The STIX types that have a folder. */
    public SortedSet<String> types() throws IOException {
        SortedSet<String> types = new TreeSet<>();
        try (DirectoryStream<Path> folders = Files.newDirectoryStream(root, Files::isDirectory)) {
            for (Path folder : folders) {
                String name = folder.getFileName().toString();
                if (!name.startsWith(".")) {
                    types.add(name);
                }
            }
        } catch (DirectoryIteratorException e) {
            throw e.getCause();
        }
        return types;
    }

    /** Goes through the ids of a type's objects, in no order and in small letters. */
    public void each(String type, Visit visit) throws IOException, InterruptedException {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(root.resolve(type))) {
            for (Path file : files) {
                Optional<String> id = ObjectFiles.idOf(file);
                if (id.isPresent()) {
                    visit.at(id.get());
                }
            }
        } catch (NoSuchFileException | NotDirectoryException e) {
            return; // what was the type's last object is gone
        } catch (DirectoryIteratorException e) {
            throw e.getCause();
        }
    }

    /** The object's JSON; empty where there is none with this id. */
    public Optional<Bytes> object(String id) throws IOException {
        if (!ObjectFiles.isName(id)) {
            return Optional.empty();
        }
        try {
            byte[] json = Files.readAllBytes(ObjectFiles.file(root, id));
            return Optional.of(new Bytes(json, json.length));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
    }
}
