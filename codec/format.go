package codec

// The formats of the MessagePack specification, section "Formats".
const (
	codeFixMap   = 0x80
	codeFixArray = 0x90
	codeFixStr   = 0xa0
	codeNil      = 0xc0
	codeNever    = 0xc1
	codeFalse    = 0xc2
	codeTrue     = 0xc3
	codeBin8     = 0xc4
	codeBin16    = 0xc5
	codeBin32    = 0xc6
	codeExt8     = 0xc7
	codeExt16    = 0xc8
	codeExt32    = 0xc9
	codeFloat32  = 0xca
	codeFloat64  = 0xcb
	codeUint8    = 0xcc
	codeUint16   = 0xcd
	codeUint32   = 0xce
	codeUint64   = 0xcf
	codeInt8     = 0xd0
	codeInt16    = 0xd1
	codeInt32    = 0xd2
	codeInt64    = 0xd3
	codeFixExt1  = 0xd4
	codeFixExt2  = 0xd5
	codeFixExt4  = 0xd6
	codeFixExt8  = 0xd7
	codeFixExt16 = 0xd8
	codeStr8     = 0xd9
	codeStr16    = 0xda
	codeStr32    = 0xdb
	codeArray16  = 0xdc
	codeArray32  = 0xdd
	codeMap16    = 0xde
	codeMap32    = 0xdf
	codeNegFix   = 0xe0
)

// A Type is a type of the MessagePack type system (specification, section
// "Type system"), with the one extension that messages may hold.
type Type uint8

const (
	// TypeInvalid is the end of the message, the byte 0xc1 or an extension
	// other than a timestamp.
	TypeInvalid Type = iota
	TypeNil
	TypeBool
	TypeInt
	TypeFloat
	TypeString
	TypeBytes
	TypeArray
	TypeMap
	TypeTime
)

// String returns the name of t as the specification spells it.
func (t Type) String() string {
	switch t {
	case TypeNil:
		return "nil"
	case TypeBool:
		return "bool"
	case TypeInt:
		return "int"
	case TypeFloat:
		return "float"
	case TypeString:
		return "str"
	case TypeBytes:
		return "bin"
	case TypeArray:
		return "array"
	case TypeMap:
		return "map"
	case TypeTime:
		return "timestamp"
	}
	return "invalid"
}

// typeOf returns the type of the value that begins b. The body of the value
// may be missing or wrong.
func typeOf(b []byte) Type {
	if len(b) == 0 {
		return TypeInvalid
	}
	switch c := b[0]; {
	case c < codeFixMap || c >= codeNegFix:
		return TypeInt
	case c < codeFixArray:
		return TypeMap
	case c < codeFixStr:
		return TypeArray
	case c < codeNil:
		return TypeString
	default:
		return typeOfCode(b, c)
	}
}

func typeOfCode(b []byte, c byte) Type {
	switch c {
	case codeNil:
		return TypeNil
	case codeFalse, codeTrue:
		return TypeBool
	case codeBin8, codeBin16, codeBin32:
		return TypeBytes
	case codeFloat32, codeFloat64:
		return TypeFloat
	case codeUint8, codeUint16, codeUint32, codeUint64, codeInt8, codeInt16, codeInt32, codeInt64:
		return TypeInt
	case codeStr8, codeStr16, codeStr32:
		return TypeString
	case codeArray16, codeArray32:
		return TypeArray
	case codeMap16, codeMap32:
		return TypeMap
	}
	if timestampHeader(b) != 0 {
		return TypeTime
	}
	return TypeInvalid
}

// formatName returns the specification's name of the format that c begins.
func formatName(c byte) string {
	switch {
	case c < codeFixMap:
		return "positive fixint"
	case c < codeFixArray:
		return "fixmap"
	case c < codeFixStr:
		return "fixarray"
	case c < codeNil:
		return "fixstr"
	case c >= codeNegFix:
		return "negative fixint"
	}
	return [...]string{
		"nil", "the unused byte 0xc1", "false", "true",
		"bin 8", "bin 16", "bin 32", "ext 8", "ext 16", "ext 32",
		"float 32", "float 64", "uint 8", "uint 16", "uint 32", "uint 64",
		"int 8", "int 16", "int 32", "int 64",
		"fixext 1", "fixext 2", "fixext 4", "fixext 8", "fixext 16",
		"str 8", "str 16", "str 32", "array 16", "array 32", "map 16", "map 32",
	}[c-codeNil]
}
