package store

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"io/fs"
	"syscall"
)

// versionOf tells apart every replacement and every change of a file that the
// kernel can see: another inode, size, time of modification or, because tools set
// that one back, time of status change. Hashed, since it reaches clients in ETags.
func versionOf(info fs.FileInfo) string {
	var facts []byte
	facts = binary.LittleEndian.AppendUint64(facts, uint64(info.Size()))
	facts = binary.LittleEndian.AppendUint64(facts, uint64(info.ModTime().UnixNano()))
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		facts = binary.LittleEndian.AppendUint64(facts, st.Dev)
		facts = binary.LittleEndian.AppendUint64(facts, st.Ino)
		facts = binary.LittleEndian.AppendUint64(facts, uint64(st.Ctim.Nano()))
	}
	sum := sha256.Sum256(facts)
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}
