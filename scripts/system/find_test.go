package system

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// isolate hides what is installed on this machine: PATH leads to an empty
// folder, which it returns, and HOME to another.
func isolate(t *testing.T) (bin, home string) {
	t.Helper()
	bin, home = t.TempDir(), t.TempDir()
	t.Setenv("PATH", bin)
	t.Setenv("HOME", home)
	t.Setenv("XDG_CACHE_HOME", filepath.Join(home, ".cache"))
	for _, name := range []string{"CLOUDSDK_ROOT", "FIREBASE_EMULATORS_PATH", "JAVA_HOME"} {
		t.Setenv(name, "")
	}
	return bin, home
}

// write writes a file and the folders above it.
func write(t *testing.T, mode fs.FileMode, content string, path ...string) string {
	t.Helper()
	file := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	return file
}

const (
	sdkFirestore = "platform/cloud-firestore-emulator/cloud-firestore-emulator.jar"
	sdkPubSub    = "platform/pubsub-emulator/lib/cloud-pubsub-emulator-0.8.20-all.jar"
)

func TestFindEmulators(t *testing.T) {
	t.Run("nowhere", func(t *testing.T) {
		isolate(t)
		if args, err := firestoreEmulator.find(nil); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v, %v", args, err)
		}
	})
	t.Run("through gcloud's symlink", func(t *testing.T) {
		bin, home := isolate(t)
		root, err := filepath.EvalSymlinks(home)
		if err != nil {
			t.Fatal(err)
		}
		firestore := write(t, 0o644, "", root, "sdk", sdkFirestore)
		pubsub := write(t, 0o644, "", root, "sdk", sdkPubSub)
		gcloud := write(t, 0o755, "", root, "sdk/bin/gcloud")
		if err := os.Symlink(gcloud, filepath.Join(bin, "gcloud")); err != nil {
			t.Fatal(err)
		}
		if args, err := firestoreEmulator.find(nil); !slices.Equal(args, []string{"-cp", firestore, firestoreEmulator.mainClass}) {
			t.Errorf("got %v, %v", args, err)
		}
		if args, err := pubsubEmulator.find(nil); !slices.Equal(args, []string{"-jar", pubsub}) {
			t.Errorf("got %v, %v", args, err)
		}
	})
	t.Run("where CLOUDSDK_ROOT says, before the usual places", func(t *testing.T) {
		_, home := isolate(t)
		write(t, 0o644, "", home, "google-cloud-sdk", sdkPubSub)
		want := write(t, 0o644, "", home, "mine", sdkPubSub)
		t.Setenv("CLOUDSDK_ROOT", filepath.Join(home, "mine"))
		if args, err := pubsubEmulator.find([]string{"~/google-cloud-sdk"}); !slices.Equal(args, []string{"-jar", want}) {
			t.Errorf("got %v, %v", args, err)
		}
	})
	t.Run("in a usual place", func(t *testing.T) {
		_, home := isolate(t)
		want := write(t, 0o644, "", home, "google-cloud-sdk", sdkPubSub)
		if args, err := pubsubEmulator.find([]string{"/nowhere", "~/google-cloud-sdk"}); !slices.Equal(args, []string{"-jar", want}) {
			t.Errorf("got %v, %v", args, err)
		}
	})
	t.Run("the newest in the Firebase CLI's cache", func(t *testing.T) {
		_, home := isolate(t)
		old := write(t, 0o644, "", home, ".cache/firebase/emulators/cloud-firestore-emulator-v1.9.0.jar")
		want := write(t, 0o644, "", home, ".cache/firebase/emulators/cloud-firestore-emulator-v1.22.0.jar")
		if err := os.Chtimes(old, time.Time{}, time.Now().Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
		if args, err := firestoreEmulator.find(nil); !slices.Equal(args, []string{"-jar", want}) {
			t.Errorf("got %v, %v", args, err)
		}
	})
}

func TestObtainDownloads(t *testing.T) {
	fakeNPM(t, install)
	jar := filepath.Join(os.Getenv("HOME"), ".cache/firebase/emulators/pubsub-emulator-0.8.37/pubsub-emulator/lib/cloud-pubsub-emulator.jar")
	node := filepath.Join(os.Getenv("PATH"), "node")
	write(t, 0o755, `#!/bin/sh
PATH=/usr/bin:/bin
case $1 in
--version) echo v22.1.0;;
*/node_modules/firebase-tools/lib/bin/firebase.js) [ "$2" = setup:emulators:pubsub ] && mkdir -p "${JAR%/*}" && : > "$JAR";;
esac
`, node)
	t.Setenv("JAR", jar)
	if args, err := pubsubEmulator.obtain(t.Context(), t.Output(), nil); !slices.Equal(args, []string{"-jar", jar}) {
		t.Errorf("got %v, %v", args, err)
	}
	if _, err := firestoreEmulator.obtain(t.Context(), t.Output(), nil); err == nil || !strings.Contains(err.Error(), "gcloud components install cloud-firestore-emulator") {
		t.Errorf("when the download fails: got %v", err)
	}
}

// What a Java says that is too old: 17 and 8.
func TestJavaTooOld(t *testing.T) {
	for _, said := range []string{
		"Error: LinkageError occurred while loading main class Main\n  \tjava.lang.UnsupportedClassVersionError: Main has been compiled by a more recent version of the Java Runtime (class file version 65.0), this version of the Java Runtime only recognizes class file versions up to 61.0",
		"Exception in thread \"main\" java.lang.UnsupportedClassVersionError: a/Main has been compiled by a more recent version of the Java Runtime (class file version 65.0), this version of the Java Runtime only recognizes class file versions up to 52.0",
	} {
		died := errors.New("firestore ended by itself (exit status 1); its last lines:\n  " + said)
		err := tooOld(died, "the Firestore emulator", "/bin/java")
		if want := "the Firestore emulator needs Java 21 or newer, and /bin/java is older: "; err == nil || !strings.HasPrefix(err.Error(), want) || !errors.Is(err, died) {
			t.Errorf("got %v", err)
		}
	}
	other := errors.New("firestore ended by itself (exit status 1); its last lines:\n  address in use")
	if err := tooOld(other, "x", "y"); err != other {
		t.Errorf("got %v", err)
	}
	if err := tooOld(nil, "x", "y"); err != nil {
		t.Errorf("got %v", err)
	}
}

// The README asks for the Java that the emulators which one installs today need, and
// CI has it.
func TestJavaDocumented(t *testing.T) {
	for file, says := range map[string]string{"README.md": `Java (\d+)\s+or\s+newer`, ".github/workflows/ci.yml": `java-version: (\d+)`} {
		text, err := os.ReadFile(filepath.Join("../..", file))
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(says).FindAllStringSubmatch(string(text), -1)
		for _, m := range found {
			if m[1] != strconv.Itoa(currentJava) {
				t.Errorf("%s says %q, and currentJava is %d", file, m[0], currentJava)
			}
		}
		if len(found) == 0 {
			t.Errorf("%s names no Java", file)
		}
	}
}

func TestFindJava(t *testing.T) {
	const java17 = "#!/bin/sh\necho 'openjdk version \"17.0.1\"' >&2\n"
	t.Run("JAVA_HOME first", func(t *testing.T) {
		bin, home := isolate(t)
		write(t, 0o755, java17, bin, "java")
		want := write(t, 0o755, java17, home, "jdk/bin/java")
		t.Setenv("JAVA_HOME", filepath.Join(home, "jdk"))
		if got, err := findJava(t.Context(), t.Output()); got != want || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	})
	t.Run("none, and nothing to install it with", func(t *testing.T) {
		bin, _ := isolate(t)
		write(t, 0o755, "#!/bin/sh\nexit 1\n", bin, "java") // as on a Mac without Java
		if _, err := findJava(t.Context(), t.Output()); err == nil || !strings.Contains(err.Error(), "the emulators need Java 21 or newer, and there is none: ") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("installed with apt-get", func(t *testing.T) {
		bin, _ := isolate(t)
		java := filepath.Join(bin, "java")
		// It takes either way: as root directly, else through a sudo that asks nothing.
		write(t, 0o755, "#!/bin/sh\ncase $1 in install) printf '%s' \"$JAVA\" > "+java+"; /bin/chmod +x "+java+";; esac\n", bin, "apt-get")
		write(t, 0o755, "#!/bin/sh\nshift\n[ \"$1\" = true ] || \"$@\"\n", bin, "sudo")
		t.Setenv("JAVA", java17)
		var said strings.Builder
		if got, err := findJava(t.Context(), &said); got != java || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
		if !strings.Contains(said.String(), "Installing default-jre-headless") {
			t.Errorf("said %q", said.String())
		}
	})
}

func TestFindNode(t *testing.T) {
	bin, _ := isolate(t)
	if _, err := findNode(t.Context()); err == nil || !strings.Contains(err.Error(), nodeLine()) {
		t.Errorf("without node: got %v", err)
	}
	want := write(t, 0o755, "#!/bin/sh\necho v18.20.4\n", bin, "node")
	if _, err := findNode(t.Context()); err == nil || !strings.Contains(err.Error(), "v18.20.4; the Auth emulator needs 20") {
		t.Errorf("with an old node: got %v", err)
	}
	write(t, 0o755, "#!/bin/sh\necho v22.1.0\n", bin, "node")
	if got, err := findNode(t.Context()); got != want || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}
