"""Made by events/compile_schemas.py from events/schemas/circuit-stream.schema.json: edit that."""

VERSION = '2.22.3'
from decimal import Decimal
import re
from validators.invalid import Invalid as JsonSchemaValueException, Invalid as JsonSchemaValuesException
REGEX_PATTERNS = {'^arn:[^:]+:dynamodb:[^:]*:[^:]*:table/': re.compile('^arn:[^:]+:dynamodb:[^:]*:[^:]*:table/'), '^[A-Za-z0-9._-]{1,64}(?!\\n)$': re.compile('^[A-Za-z0-9._-]{1,64}(?!\\n)\\Z'), '^[0-9]+$': re.compile('^[0-9]+\\Z'), '^(0|[0-9]{13})$': re.compile('^(0|[0-9]{13})\\Z'), '^[a-z_]{1,32}$': re.compile('^[a-z_]{1,32}\\Z'), '^[0-9]{13}$': re.compile('^[0-9]{13}\\Z'), '^(0|[1-9][0-9]*)$': re.compile('^(0|[1-9][0-9]*)\\Z')}
NoneType = type(None)

def validate(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['Records']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '')
        data_keys = set(data.keys())
        if 'Records' in data_keys:
            data_keys.remove('Records')
            data__Records = data['Records']
            if not isinstance(data__Records, (list, tuple)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.Records must be array', value=data__Records, name='' + (name_prefix or 'data') + '.Records')
            data__Records_is_list = isinstance(data__Records, (list, tuple))
            if data__Records_is_list:
                data__Records_len = len(data__Records)
                if data__Records_len < 1:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.Records must contain at least 1 items', value=data__Records, name='' + (name_prefix or 'data') + '.Records')
                for data__Records_x, data__Records_item in enumerate(data__Records):
                    validate____defs_record(data__Records_item, custom_formats, (name_prefix or 'data') + '.Records[{data__Records_x}]'.format(**locals()))
    return data

def validate____defs_record(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '')
    try:
        data_is_dict = isinstance(data, dict)
        if data_is_dict:
            data_keys = set(data.keys())
            if 'eventName' in data_keys:
                data_keys.remove('eventName')
                data__eventName = data['eventName']
                if not (isinstance(data__eventName, str) and data__eventName == 'INSERT' or (isinstance(data__eventName, str) and data__eventName == 'MODIFY')):
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + ".eventName must be one of ['INSERT', 'MODIFY']", value=data__eventName, name='' + (name_prefix or 'data') + '.eventName')
    except (JsonSchemaValueException, JsonSchemaValuesException):
        pass
    else:
        data_is_dict = isinstance(data, dict)
        if data_is_dict:
            data_keys = set(data.keys())
            if 'dynamodb' in data_keys:
                data_keys.remove('dynamodb')
                data__dynamodb = data['dynamodb']
                data__dynamodb_is_dict = isinstance(data__dynamodb, dict)
                if data__dynamodb_is_dict:
                    data__dynamodb__missing_keys = set(['NewImage']) - data__dynamodb.keys()
                    if data__dynamodb__missing_keys:
                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.dynamodb must contain ' + (str(sorted(data__dynamodb__missing_keys)) + ' properties'), value=data__dynamodb, name='' + (name_prefix or 'data') + '.dynamodb')
    try:
        data_is_dict = isinstance(data, dict)
        if data_is_dict:
            data_keys = set(data.keys())
            if 'eventName' in data_keys:
                data_keys.remove('eventName')
                data__eventName = data['eventName']
                if not (isinstance(data__eventName, str) and data__eventName == 'MODIFY' or (isinstance(data__eventName, str) and data__eventName == 'REMOVE')):
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + ".eventName must be one of ['MODIFY', 'REMOVE']", value=data__eventName, name='' + (name_prefix or 'data') + '.eventName')
    except (JsonSchemaValueException, JsonSchemaValuesException):
        pass
    else:
        data_is_dict = isinstance(data, dict)
        if data_is_dict:
            data_keys = set(data.keys())
            if 'dynamodb' in data_keys:
                data_keys.remove('dynamodb')
                data__dynamodb = data['dynamodb']
                data__dynamodb_is_dict = isinstance(data__dynamodb, dict)
                if data__dynamodb_is_dict:
                    data__dynamodb__missing_keys = set(['OldImage']) - data__dynamodb.keys()
                    if data__dynamodb__missing_keys:
                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.dynamodb must contain ' + (str(sorted(data__dynamodb__missing_keys)) + ' properties'), value=data__dynamodb, name='' + (name_prefix or 'data') + '.dynamodb')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['eventID', 'eventName', 'eventSource', 'eventSourceARN', 'dynamodb']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '')
        data_keys = set(data.keys())
        if 'eventID' in data_keys:
            data_keys.remove('eventID')
            data__eventID = data['eventID']
            if not isinstance(data__eventID, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.eventID must be string', value=data__eventID, name='' + (name_prefix or 'data') + '.eventID')
            if isinstance(data__eventID, str):
                data__eventID_len = len(data__eventID)
                if data__eventID_len < 1:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.eventID must be longer than or equal to 1 characters', value=data__eventID, name='' + (name_prefix or 'data') + '.eventID')
        if 'eventName' in data_keys:
            data_keys.remove('eventName')
            data__eventName = data['eventName']
            if not (isinstance(data__eventName, str) and data__eventName == 'INSERT' or (isinstance(data__eventName, str) and data__eventName == 'MODIFY') or (isinstance(data__eventName, str) and data__eventName == 'REMOVE')):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + ".eventName must be one of ['INSERT', 'MODIFY', 'REMOVE']", value=data__eventName, name='' + (name_prefix or 'data') + '.eventName')
        if 'eventSource' in data_keys:
            data_keys.remove('eventSource')
            data__eventSource = data['eventSource']
            if not (isinstance(data__eventSource, str) and data__eventSource == 'aws:dynamodb'):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.eventSource must be aws:dynamodb', value=data__eventSource, name='' + (name_prefix or 'data') + '.eventSource')
        if 'eventSourceARN' in data_keys:
            data_keys.remove('eventSourceARN')
            data__eventSourceARN = data['eventSourceARN']
            if not isinstance(data__eventSourceARN, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.eventSourceARN must be string', value=data__eventSourceARN, name='' + (name_prefix or 'data') + '.eventSourceARN')
            if isinstance(data__eventSourceARN, str):
                if not REGEX_PATTERNS['^arn:[^:]+:dynamodb:[^:]*:[^:]*:table/'].search(data__eventSourceARN):
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.eventSourceARN must match pattern ^arn:[^:]+:dynamodb:[^:]*:[^:]*:table/', value=data__eventSourceARN, name='' + (name_prefix or 'data') + '.eventSourceARN')
        if 'userIdentity' in data_keys:
            data_keys.remove('userIdentity')
            data__userIdentity = data['userIdentity']
            if not isinstance(data__userIdentity, dict):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.userIdentity must be object', value=data__userIdentity, name='' + (name_prefix or 'data') + '.userIdentity')
        if 'dynamodb' in data_keys:
            data_keys.remove('dynamodb')
            data__dynamodb = data['dynamodb']
            if not isinstance(data__dynamodb, dict):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.dynamodb must be object', value=data__dynamodb, name='' + (name_prefix or 'data') + '.dynamodb')
            data__dynamodb_is_dict = isinstance(data__dynamodb, dict)
            if data__dynamodb_is_dict:
                data__dynamodb__missing_keys = set(['Keys', 'SequenceNumber', 'StreamViewType']) - data__dynamodb.keys()
                if data__dynamodb__missing_keys:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.dynamodb must contain ' + (str(sorted(data__dynamodb__missing_keys)) + ' properties'), value=data__dynamodb, name='' + (name_prefix or 'data') + '.dynamodb')
                data__dynamodb_keys = set(data__dynamodb.keys())
                if 'Keys' in data__dynamodb_keys:
                    data__dynamodb_keys.remove('Keys')
                    data__dynamodb__Keys = data__dynamodb['Keys']
                    if not isinstance(data__dynamodb__Keys, dict):
                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.dynamodb.Keys must be object', value=data__dynamodb__Keys, name='' + (name_prefix or 'data') + '.dynamodb.Keys')
                    data__dynamodb__Keys_is_dict = isinstance(data__dynamodb__Keys, dict)
                    if data__dynamodb__Keys_is_dict:
                        data__dynamodb__Keys__missing_keys = set(['circuit']) - data__dynamodb__Keys.keys()
                        if data__dynamodb__Keys__missing_keys:
                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.dynamodb.Keys must contain ' + (str(sorted(data__dynamodb__Keys__missing_keys)) + ' properties'), value=data__dynamodb__Keys, name='' + (name_prefix or 'data') + '.dynamodb.Keys')
                        data__dynamodb__Keys_keys = set(data__dynamodb__Keys.keys())
                        if 'circuit' in data__dynamodb__Keys_keys:
                            data__dynamodb__Keys_keys.remove('circuit')
                            data__dynamodb__Keys__circuit = data__dynamodb__Keys['circuit']
                            if not isinstance(data__dynamodb__Keys__circuit, dict):
                                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.dynamodb.Keys.circuit must be object', value=data__dynamodb__Keys__circuit, name='' + (name_prefix or 'data') + '.dynamodb.Keys.circuit')
                            data__dynamodb__Keys__circuit_is_dict = isinstance(data__dynamodb__Keys__circuit, dict)
                            if data__dynamodb__Keys__circuit_is_dict:
                                data__dynamodb__Keys__circuit__missing_keys = set(['S']) - data__dynamodb__Keys__circuit.keys()
                                if data__dynamodb__Keys__circuit__missing_keys:
                                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.dynamodb.Keys.circuit must contain ' + (str(sorted(data__dynamodb__Keys__circuit__missing_keys)) + ' properties'), value=data__dynamodb__Keys__circuit, name='' + (name_prefix or 'data') + '.dynamodb.Keys.circuit')
                                data__dynamodb__Keys__circuit_keys = set(data__dynamodb__Keys__circuit.keys())
                                if 'S' in data__dynamodb__Keys__circuit_keys:
                                    data__dynamodb__Keys__circuit_keys.remove('S')
                                    data__dynamodb__Keys__circuit__S = data__dynamodb__Keys__circuit['S']
                                    if not isinstance(data__dynamodb__Keys__circuit__S, str):
                                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.dynamodb.Keys.circuit.S must be string', value=data__dynamodb__Keys__circuit__S, name='' + (name_prefix or 'data') + '.dynamodb.Keys.circuit.S')
                                    if isinstance(data__dynamodb__Keys__circuit__S, str):
                                        if not REGEX_PATTERNS['^[A-Za-z0-9._-]{1,64}(?!\\n)$'].search(data__dynamodb__Keys__circuit__S):
                                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.dynamodb.Keys.circuit.S must match pattern ^[A-Za-z0-9._-]{1,64}(?!\\n)$', value=data__dynamodb__Keys__circuit__S, name='' + (name_prefix or 'data') + '.dynamodb.Keys.circuit.S')
                                if data__dynamodb__Keys__circuit_keys:
                                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.dynamodb.Keys.circuit must not contain ' + str(data__dynamodb__Keys__circuit_keys) + ' properties', value=data__dynamodb__Keys__circuit, name='' + (name_prefix or 'data') + '.dynamodb.Keys.circuit')
                if 'SequenceNumber' in data__dynamodb_keys:
                    data__dynamodb_keys.remove('SequenceNumber')
                    data__dynamodb__SequenceNumber = data__dynamodb['SequenceNumber']
                    if not isinstance(data__dynamodb__SequenceNumber, str):
                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.dynamodb.SequenceNumber must be string', value=data__dynamodb__SequenceNumber, name='' + (name_prefix or 'data') + '.dynamodb.SequenceNumber')
                    if isinstance(data__dynamodb__SequenceNumber, str):
                        if not REGEX_PATTERNS['^[0-9]+$'].search(data__dynamodb__SequenceNumber):
                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.dynamodb.SequenceNumber must match pattern ^[0-9]+$', value=data__dynamodb__SequenceNumber, name='' + (name_prefix or 'data') + '.dynamodb.SequenceNumber')
                if 'ApproximateCreationDateTime' in data__dynamodb_keys:
                    data__dynamodb_keys.remove('ApproximateCreationDateTime')
                    data__dynamodb__ApproximateCreationDateTime = data__dynamodb['ApproximateCreationDateTime']
                    if not isinstance(data__dynamodb__ApproximateCreationDateTime, (int, float, Decimal)) or isinstance(data__dynamodb__ApproximateCreationDateTime, bool):
                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.dynamodb.ApproximateCreationDateTime must be number', value=data__dynamodb__ApproximateCreationDateTime, name='' + (name_prefix or 'data') + '.dynamodb.ApproximateCreationDateTime')
                if 'NewImage' in data__dynamodb_keys:
                    data__dynamodb_keys.remove('NewImage')
                    data__dynamodb__NewImage = data__dynamodb['NewImage']
                    validate____defs_announced(data__dynamodb__NewImage, custom_formats, (name_prefix or 'data') + '.dynamodb.NewImage')
                if 'OldImage' in data__dynamodb_keys:
                    data__dynamodb_keys.remove('OldImage')
                    data__dynamodb__OldImage = data__dynamodb['OldImage']
                    if not isinstance(data__dynamodb__OldImage, dict):
                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.dynamodb.OldImage must be object', value=data__dynamodb__OldImage, name='' + (name_prefix or 'data') + '.dynamodb.OldImage')
                if 'StreamViewType' in data__dynamodb_keys:
                    data__dynamodb_keys.remove('StreamViewType')
                    data__dynamodb__StreamViewType = data__dynamodb['StreamViewType']
                    if not (isinstance(data__dynamodb__StreamViewType, str) and data__dynamodb__StreamViewType == 'NEW_AND_OLD_IMAGES'):
                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.dynamodb.StreamViewType must be NEW_AND_OLD_IMAGES', value=data__dynamodb__StreamViewType, name='' + (name_prefix or 'data') + '.dynamodb.StreamViewType')
    return data

def validate____defs_announced(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['circuit', 'state', 'generation', 'revision', 'changed_at', 'trips', 'reason']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '')
        data_keys = set(data.keys())
        if 'circuit' in data_keys:
            data_keys.remove('circuit')
            data__circuit = data['circuit']
            if not isinstance(data__circuit, dict):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.circuit must be object', value=data__circuit, name='' + (name_prefix or 'data') + '.circuit')
            data__circuit_is_dict = isinstance(data__circuit, dict)
            if data__circuit_is_dict:
                data__circuit__missing_keys = set(['S']) - data__circuit.keys()
                if data__circuit__missing_keys:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.circuit must contain ' + (str(sorted(data__circuit__missing_keys)) + ' properties'), value=data__circuit, name='' + (name_prefix or 'data') + '.circuit')
                data__circuit_keys = set(data__circuit.keys())
                if 'S' in data__circuit_keys:
                    data__circuit_keys.remove('S')
                    data__circuit__S = data__circuit['S']
                    if not isinstance(data__circuit__S, str):
                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.circuit.S must be string', value=data__circuit__S, name='' + (name_prefix or 'data') + '.circuit.S')
                    if isinstance(data__circuit__S, str):
                        if not REGEX_PATTERNS['^[A-Za-z0-9._-]{1,64}(?!\\n)$'].search(data__circuit__S):
                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.circuit.S must match pattern ^[A-Za-z0-9._-]{1,64}(?!\\n)$', value=data__circuit__S, name='' + (name_prefix or 'data') + '.circuit.S')
                if data__circuit_keys:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.circuit must not contain ' + str(data__circuit_keys) + ' properties', value=data__circuit, name='' + (name_prefix or 'data') + '.circuit')
        if 'state' in data_keys:
            data_keys.remove('state')
            data__state = data['state']
            if not isinstance(data__state, dict):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.state must be object', value=data__state, name='' + (name_prefix or 'data') + '.state')
            data__state_is_dict = isinstance(data__state, dict)
            if data__state_is_dict:
                data__state__missing_keys = set(['S']) - data__state.keys()
                if data__state__missing_keys:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.state must contain ' + (str(sorted(data__state__missing_keys)) + ' properties'), value=data__state, name='' + (name_prefix or 'data') + '.state')
                data__state_keys = set(data__state.keys())
                if 'S' in data__state_keys:
                    data__state_keys.remove('S')
                    data__state__S = data__state['S']
                    if not (isinstance(data__state__S, str) and data__state__S == 'CLOSED' or (isinstance(data__state__S, str) and data__state__S == 'OPEN') or (isinstance(data__state__S, str) and data__state__S == 'HALF_OPEN')):
                        raise JsonSchemaValueException('' + (name_prefix or 'data') + ".state.S must be one of ['CLOSED', 'OPEN', 'HALF_OPEN']", value=data__state__S, name='' + (name_prefix or 'data') + '.state.S')
                if data__state_keys:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.state must not contain ' + str(data__state_keys) + ' properties', value=data__state, name='' + (name_prefix or 'data') + '.state')
        if 'generation' in data_keys:
            data_keys.remove('generation')
            data__generation = data['generation']
            validate____defs_whole(data__generation, custom_formats, (name_prefix or 'data') + '.generation')
        if 'revision' in data_keys:
            data_keys.remove('revision')
            data__revision = data['revision']
            validate____defs_whole(data__revision, custom_formats, (name_prefix or 'data') + '.revision')
        if 'changed_at' in data_keys:
            data_keys.remove('changed_at')
            data__changedat = data['changed_at']
            if not isinstance(data__changedat, dict):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.changed_at must be object', value=data__changedat, name='' + (name_prefix or 'data') + '.changed_at')
            data__changedat_is_dict = isinstance(data__changedat, dict)
            if data__changedat_is_dict:
                data__changedat__missing_keys = set(['N']) - data__changedat.keys()
                if data__changedat__missing_keys:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.changed_at must contain ' + (str(sorted(data__changedat__missing_keys)) + ' properties'), value=data__changedat, name='' + (name_prefix or 'data') + '.changed_at')
                data__changedat_keys = set(data__changedat.keys())
                if 'N' in data__changedat_keys:
                    data__changedat_keys.remove('N')
                    data__changedat__N = data__changedat['N']
                    if not isinstance(data__changedat__N, str):
                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.changed_at.N must be string', value=data__changedat__N, name='' + (name_prefix or 'data') + '.changed_at.N')
                    if isinstance(data__changedat__N, str):
                        if not REGEX_PATTERNS['^(0|[0-9]{13})$'].search(data__changedat__N):
                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.changed_at.N must match pattern ^(0|[0-9]{13})$', value=data__changedat__N, name='' + (name_prefix or 'data') + '.changed_at.N')
                if data__changedat_keys:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.changed_at must not contain ' + str(data__changedat_keys) + ' properties', value=data__changedat, name='' + (name_prefix or 'data') + '.changed_at')
        if 'retry_at' in data_keys:
            data_keys.remove('retry_at')
            data__retryat = data['retry_at']
            validate____defs_milliseconds(data__retryat, custom_formats, (name_prefix or 'data') + '.retry_at')
        if 'trips' in data_keys:
            data_keys.remove('trips')
            data__trips = data['trips']
            validate____defs_whole(data__trips, custom_formats, (name_prefix or 'data') + '.trips')
        if 'reason' in data_keys:
            data_keys.remove('reason')
            data__reason = data['reason']
            if not isinstance(data__reason, dict):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.reason must be object', value=data__reason, name='' + (name_prefix or 'data') + '.reason')
            data__reason_is_dict = isinstance(data__reason, dict)
            if data__reason_is_dict:
                data__reason__missing_keys = set(['S']) - data__reason.keys()
                if data__reason__missing_keys:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.reason must contain ' + (str(sorted(data__reason__missing_keys)) + ' properties'), value=data__reason, name='' + (name_prefix or 'data') + '.reason')
                data__reason_keys = set(data__reason.keys())
                if 'S' in data__reason_keys:
                    data__reason_keys.remove('S')
                    data__reason__S = data__reason['S']
                    if not isinstance(data__reason__S, str):
                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.reason.S must be string', value=data__reason__S, name='' + (name_prefix or 'data') + '.reason.S')
                if data__reason_keys:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.reason must not contain ' + str(data__reason_keys) + ' properties', value=data__reason, name='' + (name_prefix or 'data') + '.reason')
        if 'cause' in data_keys:
            data_keys.remove('cause')
            data__cause = data['cause']
            if not isinstance(data__cause, dict):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.cause must be object', value=data__cause, name='' + (name_prefix or 'data') + '.cause')
            data__cause_is_dict = isinstance(data__cause, dict)
            if data__cause_is_dict:
                data__cause__missing_keys = set(['S']) - data__cause.keys()
                if data__cause__missing_keys:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.cause must contain ' + (str(sorted(data__cause__missing_keys)) + ' properties'), value=data__cause, name='' + (name_prefix or 'data') + '.cause')
                data__cause_keys = set(data__cause.keys())
                if 'S' in data__cause_keys:
                    data__cause_keys.remove('S')
                    data__cause__S = data__cause['S']
                    if not isinstance(data__cause__S, str):
                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.cause.S must be string', value=data__cause__S, name='' + (name_prefix or 'data') + '.cause.S')
                    if isinstance(data__cause__S, str):
                        if not REGEX_PATTERNS['^[a-z_]{1,32}$'].search(data__cause__S):
                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.cause.S must match pattern ^[a-z_]{1,32}$', value=data__cause__S, name='' + (name_prefix or 'data') + '.cause.S')
                if data__cause_keys:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.cause must not contain ' + str(data__cause_keys) + ' properties', value=data__cause, name='' + (name_prefix or 'data') + '.cause')
        if 'alarm' in data_keys:
            data_keys.remove('alarm')
            data__alarm = data['alarm']
            if not isinstance(data__alarm, dict):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.alarm must be object', value=data__alarm, name='' + (name_prefix or 'data') + '.alarm')
            data__alarm_is_dict = isinstance(data__alarm, dict)
            if data__alarm_is_dict:
                data__alarm__missing_keys = set(['S']) - data__alarm.keys()
                if data__alarm__missing_keys:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.alarm must contain ' + (str(sorted(data__alarm__missing_keys)) + ' properties'), value=data__alarm, name='' + (name_prefix or 'data') + '.alarm')
                data__alarm_keys = set(data__alarm.keys())
                if 'S' in data__alarm_keys:
                    data__alarm_keys.remove('S')
                    data__alarm__S = data__alarm['S']
                    if not isinstance(data__alarm__S, str):
                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.alarm.S must be string', value=data__alarm__S, name='' + (name_prefix or 'data') + '.alarm.S')
                    if isinstance(data__alarm__S, str):
                        data__alarm__S_len = len(data__alarm__S)
                        if data__alarm__S_len < 1:
                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.alarm.S must be longer than or equal to 1 characters', value=data__alarm__S, name='' + (name_prefix or 'data') + '.alarm.S')
                if data__alarm_keys:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.alarm must not contain ' + str(data__alarm_keys) + ' properties', value=data__alarm, name='' + (name_prefix or 'data') + '.alarm')
        if 'override' in data_keys:
            data_keys.remove('override')
            data__override = data['override']
            validate____defs_override(data__override, custom_formats, (name_prefix or 'data') + '.override')
    return data

def validate____defs_override(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['M']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '')
        data_keys = set(data.keys())
        if 'M' in data_keys:
            data_keys.remove('M')
            data__M = data['M']
            if not isinstance(data__M, dict):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.M must be object', value=data__M, name='' + (name_prefix or 'data') + '.M')
            data__M_is_dict = isinstance(data__M, dict)
            if data__M_is_dict:
                data__M__missing_keys = set(['state', 'by', 'why', 'at']) - data__M.keys()
                if data__M__missing_keys:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.M must contain ' + (str(sorted(data__M__missing_keys)) + ' properties'), value=data__M, name='' + (name_prefix or 'data') + '.M')
                data__M_keys = set(data__M.keys())
                if 'state' in data__M_keys:
                    data__M_keys.remove('state')
                    data__M__state = data__M['state']
                    if not isinstance(data__M__state, dict):
                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.M.state must be object', value=data__M__state, name='' + (name_prefix or 'data') + '.M.state')
                    data__M__state_is_dict = isinstance(data__M__state, dict)
                    if data__M__state_is_dict:
                        data__M__state__missing_keys = set(['S']) - data__M__state.keys()
                        if data__M__state__missing_keys:
                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.M.state must contain ' + (str(sorted(data__M__state__missing_keys)) + ' properties'), value=data__M__state, name='' + (name_prefix or 'data') + '.M.state')
                        data__M__state_keys = set(data__M__state.keys())
                        if 'S' in data__M__state_keys:
                            data__M__state_keys.remove('S')
                            data__M__state__S = data__M__state['S']
                            if not (isinstance(data__M__state__S, str) and data__M__state__S == 'OPEN' or (isinstance(data__M__state__S, str) and data__M__state__S == 'CLOSED')):
                                raise JsonSchemaValueException('' + (name_prefix or 'data') + ".M.state.S must be one of ['OPEN', 'CLOSED']", value=data__M__state__S, name='' + (name_prefix or 'data') + '.M.state.S')
                        if data__M__state_keys:
                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.M.state must not contain ' + str(data__M__state_keys) + ' properties', value=data__M__state, name='' + (name_prefix or 'data') + '.M.state')
                if 'by' in data__M_keys:
                    data__M_keys.remove('by')
                    data__M__by = data__M['by']
                    if not isinstance(data__M__by, dict):
                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.M.by must be object', value=data__M__by, name='' + (name_prefix or 'data') + '.M.by')
                    data__M__by_is_dict = isinstance(data__M__by, dict)
                    if data__M__by_is_dict:
                        data__M__by__missing_keys = set(['S']) - data__M__by.keys()
                        if data__M__by__missing_keys:
                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.M.by must contain ' + (str(sorted(data__M__by__missing_keys)) + ' properties'), value=data__M__by, name='' + (name_prefix or 'data') + '.M.by')
                        data__M__by_keys = set(data__M__by.keys())
                        if 'S' in data__M__by_keys:
                            data__M__by_keys.remove('S')
                            data__M__by__S = data__M__by['S']
                            if not isinstance(data__M__by__S, str):
                                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.M.by.S must be string', value=data__M__by__S, name='' + (name_prefix or 'data') + '.M.by.S')
                        if data__M__by_keys:
                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.M.by must not contain ' + str(data__M__by_keys) + ' properties', value=data__M__by, name='' + (name_prefix or 'data') + '.M.by')
                if 'why' in data__M_keys:
                    data__M_keys.remove('why')
                    data__M__why = data__M['why']
                    if not isinstance(data__M__why, dict):
                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.M.why must be object', value=data__M__why, name='' + (name_prefix or 'data') + '.M.why')
                    data__M__why_is_dict = isinstance(data__M__why, dict)
                    if data__M__why_is_dict:
                        data__M__why__missing_keys = set(['S']) - data__M__why.keys()
                        if data__M__why__missing_keys:
                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.M.why must contain ' + (str(sorted(data__M__why__missing_keys)) + ' properties'), value=data__M__why, name='' + (name_prefix or 'data') + '.M.why')
                        data__M__why_keys = set(data__M__why.keys())
                        if 'S' in data__M__why_keys:
                            data__M__why_keys.remove('S')
                            data__M__why__S = data__M__why['S']
                            if not isinstance(data__M__why__S, str):
                                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.M.why.S must be string', value=data__M__why__S, name='' + (name_prefix or 'data') + '.M.why.S')
                        if data__M__why_keys:
                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.M.why must not contain ' + str(data__M__why_keys) + ' properties', value=data__M__why, name='' + (name_prefix or 'data') + '.M.why')
                if 'at' in data__M_keys:
                    data__M_keys.remove('at')
                    data__M__at = data__M['at']
                    validate____defs_milliseconds(data__M__at, custom_formats, (name_prefix or 'data') + '.M.at')
                if 'until' in data__M_keys:
                    data__M_keys.remove('until')
                    data__M__until = data__M['until']
                    validate____defs_milliseconds(data__M__until, custom_formats, (name_prefix or 'data') + '.M.until')
                if data__M_keys:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.M must not contain ' + str(data__M_keys) + ' properties', value=data__M, name='' + (name_prefix or 'data') + '.M')
        if data_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must not contain ' + str(data_keys) + ' properties', value=data, name='' + (name_prefix or 'data') + '')
    return data

def validate____defs_milliseconds(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['N']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '')
        data_keys = set(data.keys())
        if 'N' in data_keys:
            data_keys.remove('N')
            data__N = data['N']
            if not isinstance(data__N, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.N must be string', value=data__N, name='' + (name_prefix or 'data') + '.N')
            if isinstance(data__N, str):
                if not REGEX_PATTERNS['^[0-9]{13}$'].search(data__N):
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.N must match pattern ^[0-9]{13}$', value=data__N, name='' + (name_prefix or 'data') + '.N')
        if data_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must not contain ' + str(data_keys) + ' properties', value=data, name='' + (name_prefix or 'data') + '')
    return data

def validate____defs_whole(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['N']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '')
        data_keys = set(data.keys())
        if 'N' in data_keys:
            data_keys.remove('N')
            data__N = data['N']
            if not isinstance(data__N, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.N must be string', value=data__N, name='' + (name_prefix or 'data') + '.N')
            if isinstance(data__N, str):
                if not REGEX_PATTERNS['^(0|[1-9][0-9]*)$'].search(data__N):
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.N must match pattern ^(0|[1-9][0-9]*)$', value=data__N, name='' + (name_prefix or 'data') + '.N')
        if data_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must not contain ' + str(data_keys) + ' properties', value=data, name='' + (name_prefix or 'data') + '')
    return data
