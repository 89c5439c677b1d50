"""Made by events/compile_schemas.py from events/schemas/probe-stream.schema.json: edit that."""

VERSION = '2.22.3'
from decimal import Decimal
import re
from validators.invalid import Invalid as JsonSchemaValueException, Invalid as JsonSchemaValuesException
REGEX_PATTERNS = {'^arn:[^:]+:dynamodb:[^:]*:[^:]*:table/': re.compile('^arn:[^:]+:dynamodb:[^:]*:[^:]*:table/'), '^[A-Za-z0-9._-]{1,64}#(0|[1-9][0-9]*)(?!\\n)$': re.compile('^[A-Za-z0-9._-]{1,64}#(0|[1-9][0-9]*)(?!\\n)\\Z'), '^[0-9]+$': re.compile('^[0-9]+\\Z'), '^[1-9][0-9]*$': re.compile('^[1-9][0-9]*\\Z'), '^[0-9]{13}$': re.compile('^[0-9]{13}\\Z'), '^(0|[1-9][0-9]*)$': re.compile('^(0|[1-9][0-9]*)\\Z')}
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
                        data__dynamodb__Keys__missing_keys = set(['permit']) - data__dynamodb__Keys.keys()
                        if data__dynamodb__Keys__missing_keys:
                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.dynamodb.Keys must contain ' + (str(sorted(data__dynamodb__Keys__missing_keys)) + ' properties'), value=data__dynamodb__Keys, name='' + (name_prefix or 'data') + '.dynamodb.Keys')
                        data__dynamodb__Keys_keys = set(data__dynamodb__Keys.keys())
                        if 'permit' in data__dynamodb__Keys_keys:
                            data__dynamodb__Keys_keys.remove('permit')
                            data__dynamodb__Keys__permit = data__dynamodb__Keys['permit']
                            if not isinstance(data__dynamodb__Keys__permit, dict):
                                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.dynamodb.Keys.permit must be object', value=data__dynamodb__Keys__permit, name='' + (name_prefix or 'data') + '.dynamodb.Keys.permit')
                            data__dynamodb__Keys__permit_is_dict = isinstance(data__dynamodb__Keys__permit, dict)
                            if data__dynamodb__Keys__permit_is_dict:
                                data__dynamodb__Keys__permit__missing_keys = set(['S']) - data__dynamodb__Keys__permit.keys()
                                if data__dynamodb__Keys__permit__missing_keys:
                                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.dynamodb.Keys.permit must contain ' + (str(sorted(data__dynamodb__Keys__permit__missing_keys)) + ' properties'), value=data__dynamodb__Keys__permit, name='' + (name_prefix or 'data') + '.dynamodb.Keys.permit')
                                data__dynamodb__Keys__permit_keys = set(data__dynamodb__Keys__permit.keys())
                                if 'S' in data__dynamodb__Keys__permit_keys:
                                    data__dynamodb__Keys__permit_keys.remove('S')
                                    data__dynamodb__Keys__permit__S = data__dynamodb__Keys__permit['S']
                                    if not isinstance(data__dynamodb__Keys__permit__S, str):
                                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.dynamodb.Keys.permit.S must be string', value=data__dynamodb__Keys__permit__S, name='' + (name_prefix or 'data') + '.dynamodb.Keys.permit.S')
                                    if isinstance(data__dynamodb__Keys__permit__S, str):
                                        if not REGEX_PATTERNS['^[A-Za-z0-9._-]{1,64}#(0|[1-9][0-9]*)(?!\\n)$'].search(data__dynamodb__Keys__permit__S):
                                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.dynamodb.Keys.permit.S must match pattern ^[A-Za-z0-9._-]{1,64}#(0|[1-9][0-9]*)(?!\\n)$', value=data__dynamodb__Keys__permit__S, name='' + (name_prefix or 'data') + '.dynamodb.Keys.permit.S')
                                if data__dynamodb__Keys__permit_keys:
                                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.dynamodb.Keys.permit must not contain ' + str(data__dynamodb__Keys__permit_keys) + ' properties', value=data__dynamodb__Keys__permit, name='' + (name_prefix or 'data') + '.dynamodb.Keys.permit')
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
                    validate____defs_reported(data__dynamodb__NewImage, custom_formats, (name_prefix or 'data') + '.dynamodb.NewImage')
                if 'OldImage' in data__dynamodb_keys:
                    data__dynamodb_keys.remove('OldImage')
                    data__dynamodb__OldImage = data__dynamodb['OldImage']
                    if not isinstance(data__dynamodb__OldImage, dict):
                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.dynamodb.OldImage must be object', value=data__dynamodb__OldImage, name='' + (name_prefix or 'data') + '.dynamodb.OldImage')
                if 'StreamViewType' in data__dynamodb_keys:
                    data__dynamodb_keys.remove('StreamViewType')
                    data__dynamodb__StreamViewType = data__dynamodb['StreamViewType']
                    if not (isinstance(data__dynamodb__StreamViewType, str) and data__dynamodb__StreamViewType == 'NEW_IMAGE' or (isinstance(data__dynamodb__StreamViewType, str) and data__dynamodb__StreamViewType == 'NEW_AND_OLD_IMAGES')):
                        raise JsonSchemaValueException('' + (name_prefix or 'data') + ".dynamodb.StreamViewType must be one of ['NEW_IMAGE', 'NEW_AND_OLD_IMAGES']", value=data__dynamodb__StreamViewType, name='' + (name_prefix or 'data') + '.dynamodb.StreamViewType')
    return data

def validate____defs_reported(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['permit', 'granted', 'allowed', 'opens_at']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '')
        data_keys = set(data.keys())
        if 'permit' in data_keys:
            data_keys.remove('permit')
            data__permit = data['permit']
            if not isinstance(data__permit, dict):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.permit must be object', value=data__permit, name='' + (name_prefix or 'data') + '.permit')
            data__permit_is_dict = isinstance(data__permit, dict)
            if data__permit_is_dict:
                data__permit__missing_keys = set(['S']) - data__permit.keys()
                if data__permit__missing_keys:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.permit must contain ' + (str(sorted(data__permit__missing_keys)) + ' properties'), value=data__permit, name='' + (name_prefix or 'data') + '.permit')
                data__permit_keys = set(data__permit.keys())
                if 'S' in data__permit_keys:
                    data__permit_keys.remove('S')
                    data__permit__S = data__permit['S']
                    if not isinstance(data__permit__S, str):
                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.permit.S must be string', value=data__permit__S, name='' + (name_prefix or 'data') + '.permit.S')
                    if isinstance(data__permit__S, str):
                        if not REGEX_PATTERNS['^[A-Za-z0-9._-]{1,64}#(0|[1-9][0-9]*)(?!\\n)$'].search(data__permit__S):
                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.permit.S must match pattern ^[A-Za-z0-9._-]{1,64}#(0|[1-9][0-9]*)(?!\\n)$', value=data__permit__S, name='' + (name_prefix or 'data') + '.permit.S')
                if data__permit_keys:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.permit must not contain ' + str(data__permit_keys) + ' properties', value=data__permit, name='' + (name_prefix or 'data') + '.permit')
        if 'granted' in data_keys:
            data_keys.remove('granted')
            data__granted = data['granted']
            validate____defs_whole(data__granted, custom_formats, (name_prefix or 'data') + '.granted')
        if 'allowed' in data_keys:
            data_keys.remove('allowed')
            data__allowed = data['allowed']
            validate____defs_whole(data__allowed, custom_formats, (name_prefix or 'data') + '.allowed')
        if 'opens_at' in data_keys:
            data_keys.remove('opens_at')
            data__opensat = data['opens_at']
            validate____defs_milliseconds(data__opensat, custom_formats, (name_prefix or 'data') + '.opens_at')
        if 'succeeded' in data_keys:
            data_keys.remove('succeeded')
            data__succeeded = data['succeeded']
            if not isinstance(data__succeeded, dict):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.succeeded must be object', value=data__succeeded, name='' + (name_prefix or 'data') + '.succeeded')
            data__succeeded_is_dict = isinstance(data__succeeded, dict)
            if data__succeeded_is_dict:
                data__succeeded__missing_keys = set(['NS']) - data__succeeded.keys()
                if data__succeeded__missing_keys:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.succeeded must contain ' + (str(sorted(data__succeeded__missing_keys)) + ' properties'), value=data__succeeded, name='' + (name_prefix or 'data') + '.succeeded')
                data__succeeded_keys = set(data__succeeded.keys())
                if 'NS' in data__succeeded_keys:
                    data__succeeded_keys.remove('NS')
                    data__succeeded__NS = data__succeeded['NS']
                    if not isinstance(data__succeeded__NS, (list, tuple)):
                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.succeeded.NS must be array', value=data__succeeded__NS, name='' + (name_prefix or 'data') + '.succeeded.NS')
                    data__succeeded__NS_is_list = isinstance(data__succeeded__NS, (list, tuple))
                    if data__succeeded__NS_is_list:
                        data__succeeded__NS_len = len(data__succeeded__NS)
                        if data__succeeded__NS_len < 1:
                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.succeeded.NS must contain at least 1 items', value=data__succeeded__NS, name='' + (name_prefix or 'data') + '.succeeded.NS')

                        def fn(var):
                            return frozenset(dict(((k, fn(v)) for k, v in var.items())).items()) if hasattr(var, 'items') else tuple((fn(v) for v in var)) if isinstance(var, (dict, list)) else (bool, var) if isinstance(var, bool) else var
                        if data__succeeded__NS_len > len(set((fn(data__succeeded__NS_x) for data__succeeded__NS_x in data__succeeded__NS))):
                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.succeeded.NS must contain unique items', value=data__succeeded__NS, name='' + (name_prefix or 'data') + '.succeeded.NS')
                        for data__succeeded__NS_x, data__succeeded__NS_item in enumerate(data__succeeded__NS):
                            if not isinstance(data__succeeded__NS_item, str):
                                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.succeeded.NS[{data__succeeded__NS_x}]'.format(**locals()) + ' must be string', value=data__succeeded__NS_item, name='' + (name_prefix or 'data') + '.succeeded.NS[{data__succeeded__NS_x}]'.format(**locals()) + '')
                            if isinstance(data__succeeded__NS_item, str):
                                if not REGEX_PATTERNS['^[1-9][0-9]*$'].search(data__succeeded__NS_item):
                                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.succeeded.NS[{data__succeeded__NS_x}]'.format(**locals()) + ' must match pattern ^[1-9][0-9]*$', value=data__succeeded__NS_item, name='' + (name_prefix or 'data') + '.succeeded.NS[{data__succeeded__NS_x}]'.format(**locals()) + '')
                if data__succeeded_keys:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.succeeded must not contain ' + str(data__succeeded_keys) + ' properties', value=data__succeeded, name='' + (name_prefix or 'data') + '.succeeded')
        if 'failed' in data_keys:
            data_keys.remove('failed')
            data__failed = data['failed']
            if not isinstance(data__failed, dict):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.failed must be object', value=data__failed, name='' + (name_prefix or 'data') + '.failed')
            data__failed_is_dict = isinstance(data__failed, dict)
            if data__failed_is_dict:
                data__failed__missing_keys = set(['NS']) - data__failed.keys()
                if data__failed__missing_keys:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.failed must contain ' + (str(sorted(data__failed__missing_keys)) + ' properties'), value=data__failed, name='' + (name_prefix or 'data') + '.failed')
                data__failed_keys = set(data__failed.keys())
                if 'NS' in data__failed_keys:
                    data__failed_keys.remove('NS')
                    data__failed__NS = data__failed['NS']
                    if not isinstance(data__failed__NS, (list, tuple)):
                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.failed.NS must be array', value=data__failed__NS, name='' + (name_prefix or 'data') + '.failed.NS')
                    data__failed__NS_is_list = isinstance(data__failed__NS, (list, tuple))
                    if data__failed__NS_is_list:
                        data__failed__NS_len = len(data__failed__NS)
                        if data__failed__NS_len < 1:
                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.failed.NS must contain at least 1 items', value=data__failed__NS, name='' + (name_prefix or 'data') + '.failed.NS')

                        def fn(var):
                            return frozenset(dict(((k, fn(v)) for k, v in var.items())).items()) if hasattr(var, 'items') else tuple((fn(v) for v in var)) if isinstance(var, (dict, list)) else (bool, var) if isinstance(var, bool) else var
                        if data__failed__NS_len > len(set((fn(data__failed__NS_x) for data__failed__NS_x in data__failed__NS))):
                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.failed.NS must contain unique items', value=data__failed__NS, name='' + (name_prefix or 'data') + '.failed.NS')
                        for data__failed__NS_x, data__failed__NS_item in enumerate(data__failed__NS):
                            if not isinstance(data__failed__NS_item, str):
                                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.failed.NS[{data__failed__NS_x}]'.format(**locals()) + ' must be string', value=data__failed__NS_item, name='' + (name_prefix or 'data') + '.failed.NS[{data__failed__NS_x}]'.format(**locals()) + '')
                            if isinstance(data__failed__NS_item, str):
                                if not REGEX_PATTERNS['^[1-9][0-9]*$'].search(data__failed__NS_item):
                                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.failed.NS[{data__failed__NS_x}]'.format(**locals()) + ' must match pattern ^[1-9][0-9]*$', value=data__failed__NS_item, name='' + (name_prefix or 'data') + '.failed.NS[{data__failed__NS_x}]'.format(**locals()) + '')
                if data__failed_keys:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.failed must not contain ' + str(data__failed_keys) + ' properties', value=data__failed, name='' + (name_prefix or 'data') + '.failed')
        if 'returned' in data_keys:
            data_keys.remove('returned')
            data__returned = data['returned']
            if not isinstance(data__returned, dict):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.returned must be object', value=data__returned, name='' + (name_prefix or 'data') + '.returned')
            data__returned_is_dict = isinstance(data__returned, dict)
            if data__returned_is_dict:
                data__returned__missing_keys = set(['NS']) - data__returned.keys()
                if data__returned__missing_keys:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.returned must contain ' + (str(sorted(data__returned__missing_keys)) + ' properties'), value=data__returned, name='' + (name_prefix or 'data') + '.returned')
                data__returned_keys = set(data__returned.keys())
                if 'NS' in data__returned_keys:
                    data__returned_keys.remove('NS')
                    data__returned__NS = data__returned['NS']
                    if not isinstance(data__returned__NS, (list, tuple)):
                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.returned.NS must be array', value=data__returned__NS, name='' + (name_prefix or 'data') + '.returned.NS')
                    data__returned__NS_is_list = isinstance(data__returned__NS, (list, tuple))
                    if data__returned__NS_is_list:
                        data__returned__NS_len = len(data__returned__NS)
                        if data__returned__NS_len < 1:
                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.returned.NS must contain at least 1 items', value=data__returned__NS, name='' + (name_prefix or 'data') + '.returned.NS')

                        def fn(var):
                            return frozenset(dict(((k, fn(v)) for k, v in var.items())).items()) if hasattr(var, 'items') else tuple((fn(v) for v in var)) if isinstance(var, (dict, list)) else (bool, var) if isinstance(var, bool) else var
                        if data__returned__NS_len > len(set((fn(data__returned__NS_x) for data__returned__NS_x in data__returned__NS))):
                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.returned.NS must contain unique items', value=data__returned__NS, name='' + (name_prefix or 'data') + '.returned.NS')
                        for data__returned__NS_x, data__returned__NS_item in enumerate(data__returned__NS):
                            if not isinstance(data__returned__NS_item, str):
                                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.returned.NS[{data__returned__NS_x}]'.format(**locals()) + ' must be string', value=data__returned__NS_item, name='' + (name_prefix or 'data') + '.returned.NS[{data__returned__NS_x}]'.format(**locals()) + '')
                            if isinstance(data__returned__NS_item, str):
                                if not REGEX_PATTERNS['^[1-9][0-9]*$'].search(data__returned__NS_item):
                                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.returned.NS[{data__returned__NS_x}]'.format(**locals()) + ' must match pattern ^[1-9][0-9]*$', value=data__returned__NS_item, name='' + (name_prefix or 'data') + '.returned.NS[{data__returned__NS_x}]'.format(**locals()) + '')
                if data__returned_keys:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.returned must not contain ' + str(data__returned_keys) + ' properties', value=data__returned, name='' + (name_prefix or 'data') + '.returned')
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
