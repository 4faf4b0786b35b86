import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.hl7.fhir.r4.formats.IParser;
import org.hl7.fhir.r4.formats.JsonParser;
import org.hl7.fhir.r4.formats.XmlParser;
import org.hl7.fhir.r4.model.Resource;

/**
 * Writes the other form of every FHIR R4 resource below a folder, by the parsers of HL7's reference implementation:
 * name.json becomes name.json.xml, and name.xml becomes name.xml.json. Prints how many, and which it refuses.
 */
public class Twins {
    // HL7 parsers throw java.lang.Error for a value of a wrong type.
    public static void main(String[] arguments) throws Exception {
        Path from = Path.of(arguments[0]);
        Path to = Path.of(arguments[1]);
        String form = arguments[2]; // of the files to read: json or xml
        List<Path> files;
        try (Stream<Path> found = Files.walk(from)) {
            files = found.filter(file -> file.toString().endsWith("." + form)).sorted().toList();
        }
        int written = 0;
        for (Path file : files) {
            Path name = from.relativize(file);
            try {
                write(file, to.resolve(name + (form.equals("json") ? ".xml" : ".json")), form);
                written++;
            } catch (Exception | Error error) {
                System.out.println(name + ": " + String.valueOf(error.getMessage()).replaceAll("\\s+", " "));
            }
        }
        System.out.println(written + " of " + files.size() + " written");
    }

    private static void write(Path file, Path twin, String form) throws Exception {
        IParser reader = form.equals("json") ? new JsonParser() : new XmlParser();
        IParser writer = form.equals("json") ? new XmlParser() : new JsonParser();
        Resource resource;
        try (InputStream stream = Files.newInputStream(file)) {
            resource = reader.parse(stream);
        }
        byte[] bytes = writer.composeBytes(resource);
        Files.createDirectories(twin.getParent());
        try (OutputStream stream = Files.newOutputStream(twin)) {
            stream.write(bytes);
        }
    }
}
