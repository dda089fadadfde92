import java.nio.file.Files;
import java.nio.file.Path;
import okhttp3.*;

// The program around the sample, which is a few statements and prints nothing.
class Upload {
    public static void main(String[] arguments) throws Exception {
// the sample
        System.out.println(response.body().string());
        // Otherwise its idle connection keeps the program alive for minutes.
        client.connectionPool().evictAll();
        client.dispatcher().executorService().shutdown();
    }
}
