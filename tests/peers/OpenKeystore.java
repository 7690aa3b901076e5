import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.Collections;

/**
 * Opens PKCS #12 files with Java's KeyStore, and says what that took: for each line of standard input, "TIMES PASSWORD PATH",
 * one line with the nanoseconds of the processor and of the clock for each time, or "failed" and why.
 */
public final class OpenKeystore {
    private OpenKeystore() {}

    public static void main(String[] arguments) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] words = line.split(" ", 3);
            int times = Integer.parseInt(words[0]);
            char[] password = words[1].toCharArray();
            byte[] file = Files.readAllBytes(Path.of(words[2]));
            try {
                long processor = threads.getCurrentThreadCpuTime();
                long clock = System.nanoTime();
                for (int time = 0; time < times; time++) {
                    open(file, password);
                }
                processor = threads.getCurrentThreadCpuTime() - processor;
                clock = System.nanoTime() - clock;
                System.out.println(processor / times + " " + clock / times);
            } catch (Exception error) {
                System.out.println("failed " + error.getMessage());
            }
            System.out.flush();
        }
    }

    /** Every key and certificate. */
    private static void open(byte[] file, char[] password) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(new ByteArrayInputStream(file), password);
        for (String alias : Collections.list(store.aliases())) {
            if (store.isKeyEntry(alias) && store.getKey(alias, password) == null) {
                throw new IllegalStateException("no key under " + alias);
            }
            if (store.getCertificate(alias) == null) {
                throw new IllegalStateException("no certificate under " + alias);
            }
        }
    }
}
