package importer

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/dunamis-engine/dunamis/internal/disk"
)

// maxLine bounds a line and a JSON object, so that a file which is not what it
// seems to be cannot fill the memory.
const maxLine = 1 << 20

// maxZstdWindow bounds the memory that a zstd file can ask for.
const maxZstdWindow = 256 << 20

// input is the decompressed content of a file.
type input struct {
	*bufio.Reader
	file  *os.File
	raw   *counter
	close []func()
}

// counter counts the bytes read of the file itself.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// openInput opens a file and looks at its first bytes to see how it is
// compressed: names lie.
func openInput(path string) (*input, error) {
	file, err := disk.Open(path)
	if err != nil {
		return nil, err
	}
	in := &input{file: file, raw: &counter{r: file}}
	in.close = append(in.close, func() { _ = file.Close() })
	if err := in.decompress(); err != nil {
		in.Close()
		return nil, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return in, nil
}

func (in *input) decompress() error {
	raw := bufio.NewReaderSize(in.raw, 128<<10)
	magic, err := raw.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	var plain io.Reader = raw
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(raw)
		if err != nil {
			return fmt.Errorf("gzip: %w", err)
		}
		plain = z
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(raw, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxZstdWindow))
		if err != nil {
			return fmt.Errorf("zstd: %w", err)
		}
		in.close = append(in.close, z.Close)
		plain = z
	}
	in.Reader = bufio.NewReaderSize(plain, maxLine)
	if bom, _ := in.Peek(3); bytes.Equal(bom, []byte("\xef\xbb\xbf")) {
		_, _ = in.Discard(len(bom))
	}
	return nil
}

// Close releases the file.
func (in *input) Close() {
	for i := len(in.close) - 1; i >= 0; i-- {
		in.close[i]()
	}
	in.close = nil
}

// damaged reports whether an error of reading means that the file is cut off or
// broken, rather than that it cannot be read.
func damaged(err error) bool {
	var path *fs.PathError
	return !errors.As(err, &path) && !errors.Is(err, ErrLongLine)
}

// fileInfo is what identifies the content of a file.
type fileInfo struct {
	name   string // without folders
	size   int64
	stat   fs.FileInfo
	digest string
}

// inspect computes the digest of a file.
func inspect(ctx context.Context, path string) (fileInfo, error) {
	file, err := disk.Open(path)
	if errors.Is(err, disk.ErrNotRegular) {
		return fileInfo{}, fmt.Errorf("%s: not a regular file; an import reads its input more than once",
			filepath.Base(path))
	}
	if err != nil {
		return fileInfo{}, err
	}
	defer file.Close()
	stat, err := file.Stat()
	if err != nil {
		return fileInfo{}, err
	}
	info := fileInfo{name: filepath.Base(path), size: stat.Size(), stat: stat}
	hash := sha256.New()
	buf := make([]byte, 1<<20)
	for {
		if err := ctx.Err(); err != nil {
			return info, err
		}
		n, err := file.Read(buf)
		hash.Write(buf[:n])
		if errors.Is(err, io.EOF) {
			info.digest = hex.EncodeToString(hash.Sum(nil))
			return info, nil
		}
		if err != nil {
			return info, err
		}
	}
}

// unchanged returns ErrChanged if the file is no longer the one that was
// inspected, as when a download was still going on.
func (i fileInfo) unchanged(file *os.File) error {
	stat, err := file.Stat()
	if err != nil {
		return err
	}
	if !os.SameFile(stat, i.stat) || stat.Size() != i.size || !stat.ModTime().Equal(i.stat.ModTime()) {
		return fmt.Errorf("%s: %w", i.name, ErrChanged)
	}
	return nil
}
