package org.nibble.sample;

import android.app.Activity;
import android.content.Intent;
import android.content.res.AssetManager;
import android.graphics.Bitmap;
import android.graphics.ImageDecoder;
import android.os.Bundle;
import android.widget.Button;
import android.widget.ImageView;
import android.widget.LinearLayout;
import android.widget.TextView;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** Picks a picture and shows its class. The network runs in a thread of its own: a session belongs to one thread. */
public class MainActivity extends Activity {
    private static final int PICK = 1;

    static { System.loadLibrary("nibble_sample"); }

    private static native long open(AssetManager assets, String network, String cacheFile);
    private static native String classify(long handle, Bitmap bitmap);
    private static native void close(long handle);

    private final ExecutorService worker = Executors.newSingleThreadExecutor();
    private long classifier;  // of the worker only
    private ImageView picture;
    private TextView result;

    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        LinearLayout layout = new LinearLayout(this);
        layout.setOrientation(LinearLayout.VERTICAL);
        Button pick = new Button(this);
        pick.setText("Pick a picture");
        pick.setOnClickListener(view -> startActivityForResult(
            new Intent(Intent.ACTION_OPEN_DOCUMENT).addCategory(Intent.CATEGORY_OPENABLE).setType("image/*"), PICK));
        result = new TextView(this);
        picture = new ImageView(this);
        layout.addView(pick);
        layout.addView(result);
        layout.addView(picture);
        setContentView(layout);
        String cache = getCacheDir() + "/pipelines.bin";
        worker.execute(() -> {
            try {
                classifier = open(getAssets(), "net.nbl", cache);
            } catch (IllegalStateException e) {
                show(e.getMessage());
            }
        });
    }

    @Override
    protected void onActivityResult(int request, int code, Intent data) {
        super.onActivityResult(request, code, data);
        if (request != PICK || code != RESULT_OK) return;
        worker.execute(() -> {
            if (classifier == 0) return;
            try {
                Bitmap bitmap = ImageDecoder.decodeBitmap(
                    ImageDecoder.createSource(getContentResolver(), data.getData()), (decoder, info, source) -> {
                        decoder.setAllocator(ImageDecoder.ALLOCATOR_SOFTWARE);
                        decoder.setTargetSampleSize(4);
                    });
                String name = classify(classifier, bitmap.copy(Bitmap.Config.ARGB_8888, false));
                runOnUiThread(() -> picture.setImageBitmap(bitmap));
                show(name);
            } catch (Exception e) {
                show(e.getMessage());
            }
        });
    }

    @Override
    protected void onDestroy() {
        worker.execute(() -> {
            close(classifier);
            classifier = 0;
        });
        worker.shutdown();
        super.onDestroy();
    }

    private void show(String text) { runOnUiThread(() -> result.setText(text)); }
}
