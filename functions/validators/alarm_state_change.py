"""Made by events/compile_schemas.py from events/schemas/alarm-state-change.schema.json: edit that."""

VERSION = '2.22.3'
from decimal import Decimal
import re
from validators.invalid import Invalid as JsonSchemaValueException, Invalid as JsonSchemaValuesException
REGEX_PATTERNS = {'^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?(Z|[+-][0-9]{2}:?[0-9]{2})$': re.compile('^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?(Z|[+-][0-9]{2}:?[0-9]{2})\\Z')}
NoneType = type(None)

def validate(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['id', 'detail-type', 'source', 'time', 'detail']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '')
        data_keys = set(data.keys())
        if 'version' in data_keys:
            data_keys.remove('version')
            data__version = data['version']
            if not isinstance(data__version, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.version must be string', value=data__version, name='' + (name_prefix or 'data') + '.version')
        if 'id' in data_keys:
            data_keys.remove('id')
            data__id = data['id']
            if not isinstance(data__id, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.id must be string', value=data__id, name='' + (name_prefix or 'data') + '.id')
            if isinstance(data__id, str):
                data__id_len = len(data__id)
                if data__id_len < 1:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.id must be longer than or equal to 1 characters', value=data__id, name='' + (name_prefix or 'data') + '.id')
        if 'detail-type' in data_keys:
            data_keys.remove('detail-type')
            data__detailtype = data['detail-type']
            if not (isinstance(data__detailtype, str) and data__detailtype == 'CloudWatch Alarm State Change'):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.detail-type must be CloudWatch Alarm State Change', value=data__detailtype, name='' + (name_prefix or 'data') + '.detail-type')
        if 'source' in data_keys:
            data_keys.remove('source')
            data__source = data['source']
            if not (isinstance(data__source, str) and data__source == 'aws.cloudwatch'):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.source must be aws.cloudwatch', value=data__source, name='' + (name_prefix or 'data') + '.source')
        if 'account' in data_keys:
            data_keys.remove('account')
            data__account = data['account']
            if not isinstance(data__account, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.account must be string', value=data__account, name='' + (name_prefix or 'data') + '.account')
        if 'region' in data_keys:
            data_keys.remove('region')
            data__region = data['region']
            if not isinstance(data__region, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.region must be string', value=data__region, name='' + (name_prefix or 'data') + '.region')
        if 'time' in data_keys:
            data_keys.remove('time')
            data__time = data['time']
            if not isinstance(data__time, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.time must be string', value=data__time, name='' + (name_prefix or 'data') + '.time')
            if isinstance(data__time, str):
                if not REGEX_PATTERNS['^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?(Z|[+-][0-9]{2}:?[0-9]{2})$'].search(data__time):
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.time must match pattern ^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?(Z|[+-][0-9]{2}:?[0-9]{2})$', value=data__time, name='' + (name_prefix or 'data') + '.time')
        if 'resources' in data_keys:
            data_keys.remove('resources')
            data__resources = data['resources']
            if not isinstance(data__resources, (list, tuple)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.resources must be array', value=data__resources, name='' + (name_prefix or 'data') + '.resources')
            data__resources_is_list = isinstance(data__resources, (list, tuple))
            if data__resources_is_list:
                data__resources_len = len(data__resources)
                for data__resources_x, data__resources_item in enumerate(data__resources):
                    if not isinstance(data__resources_item, str):
                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.resources[{data__resources_x}]'.format(**locals()) + ' must be string', value=data__resources_item, name='' + (name_prefix or 'data') + '.resources[{data__resources_x}]'.format(**locals()) + '')
        if 'detail' in data_keys:
            data_keys.remove('detail')
            data__detail = data['detail']
            if not isinstance(data__detail, dict):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.detail must be object', value=data__detail, name='' + (name_prefix or 'data') + '.detail')
            data__detail_is_dict = isinstance(data__detail, dict)
            if data__detail_is_dict:
                data__detail__missing_keys = set(['alarmName', 'configuration', 'previousState', 'state']) - data__detail.keys()
                if data__detail__missing_keys:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.detail must contain ' + (str(sorted(data__detail__missing_keys)) + ' properties'), value=data__detail, name='' + (name_prefix or 'data') + '.detail')
                data__detail_keys = set(data__detail.keys())
                if 'alarmName' in data__detail_keys:
                    data__detail_keys.remove('alarmName')
                    data__detail__alarmName = data__detail['alarmName']
                    if not isinstance(data__detail__alarmName, str):
                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.detail.alarmName must be string', value=data__detail__alarmName, name='' + (name_prefix or 'data') + '.detail.alarmName')
                    if isinstance(data__detail__alarmName, str):
                        data__detail__alarmName_len = len(data__detail__alarmName)
                        if data__detail__alarmName_len < 1:
                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.detail.alarmName must be longer than or equal to 1 characters', value=data__detail__alarmName, name='' + (name_prefix or 'data') + '.detail.alarmName')
                if 'configuration' in data__detail_keys:
                    data__detail_keys.remove('configuration')
                    data__detail__configuration = data__detail['configuration']
                    if not isinstance(data__detail__configuration, dict):
                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.detail.configuration must be object', value=data__detail__configuration, name='' + (name_prefix or 'data') + '.detail.configuration')
                    try:
                        data__detail__configuration_is_dict = isinstance(data__detail__configuration, dict)
                        if data__detail__configuration_is_dict:
                            data__detail__configuration__missing_keys = set(['alarmRule']) - data__detail__configuration.keys()
                            if data__detail__configuration__missing_keys:
                                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.detail.configuration must contain ' + (str(sorted(data__detail__configuration__missing_keys)) + ' properties'), value=data__detail__configuration, name='' + (name_prefix or 'data') + '.detail.configuration')
                    except (JsonSchemaValueException, JsonSchemaValuesException):
                        data__detail__configuration_is_dict = isinstance(data__detail__configuration, dict)
                        if data__detail__configuration_is_dict:
                            data__detail__configuration__missing_keys = set(['metrics']) - data__detail__configuration.keys()
                            if data__detail__configuration__missing_keys:
                                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.detail.configuration must contain ' + (str(sorted(data__detail__configuration__missing_keys)) + ' properties'), value=data__detail__configuration, name='' + (name_prefix or 'data') + '.detail.configuration')
                            data__detail__configuration_keys = set(data__detail__configuration.keys())
                            if 'metrics' in data__detail__configuration_keys:
                                data__detail__configuration_keys.remove('metrics')
                                data__detail__configuration__metrics = data__detail__configuration['metrics']
                                validate____defs_metrics(data__detail__configuration__metrics, custom_formats, (name_prefix or 'data') + '.detail.configuration.metrics')
                    else:
                        data__detail__configuration_is_dict = isinstance(data__detail__configuration, dict)
                        if data__detail__configuration_is_dict:
                            data__detail__configuration_keys = set(data__detail__configuration.keys())
                            if 'alarmRule' in data__detail__configuration_keys:
                                data__detail__configuration_keys.remove('alarmRule')
                                data__detail__configuration__alarmRule = data__detail__configuration['alarmRule']
                                if not isinstance(data__detail__configuration__alarmRule, str):
                                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.detail.configuration.alarmRule must be string', value=data__detail__configuration__alarmRule, name='' + (name_prefix or 'data') + '.detail.configuration.alarmRule')
                                if isinstance(data__detail__configuration__alarmRule, str):
                                    data__detail__configuration__alarmRule_len = len(data__detail__configuration__alarmRule)
                                    if data__detail__configuration__alarmRule_len < 1:
                                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.detail.configuration.alarmRule must be longer than or equal to 1 characters', value=data__detail__configuration__alarmRule, name='' + (name_prefix or 'data') + '.detail.configuration.alarmRule')
                if 'previousState' in data__detail_keys:
                    data__detail_keys.remove('previousState')
                    data__detail__previousState = data__detail['previousState']
                    validate____defs_state(data__detail__previousState, custom_formats, (name_prefix or 'data') + '.detail.previousState')
                if 'state' in data__detail_keys:
                    data__detail_keys.remove('state')
                    data__detail__state = data__detail['state']
                    validate____defs_state(data__detail__state, custom_formats, (name_prefix or 'data') + '.detail.state')
    return data

def validate____defs_state(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['value', 'timestamp']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '')
        data_keys = set(data.keys())
        if 'value' in data_keys:
            data_keys.remove('value')
            data__value = data['value']
            if not (isinstance(data__value, str) and data__value == 'OK' or (isinstance(data__value, str) and data__value == 'ALARM') or (isinstance(data__value, str) and data__value == 'INSUFFICIENT_DATA')):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + ".value must be one of ['OK', 'ALARM', 'INSUFFICIENT_DATA']", value=data__value, name='' + (name_prefix or 'data') + '.value')
        if 'reason' in data_keys:
            data_keys.remove('reason')
            data__reason = data['reason']
            if not isinstance(data__reason, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.reason must be string', value=data__reason, name='' + (name_prefix or 'data') + '.reason')
        if 'reasonData' in data_keys:
            data_keys.remove('reasonData')
            data__reasonData = data['reasonData']
            if not isinstance(data__reasonData, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.reasonData must be string', value=data__reasonData, name='' + (name_prefix or 'data') + '.reasonData')
        if 'timestamp' in data_keys:
            data_keys.remove('timestamp')
            data__timestamp = data['timestamp']
            if not isinstance(data__timestamp, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.timestamp must be string', value=data__timestamp, name='' + (name_prefix or 'data') + '.timestamp')
            if isinstance(data__timestamp, str):
                if not REGEX_PATTERNS['^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?(Z|[+-][0-9]{2}:?[0-9]{2})$'].search(data__timestamp):
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.timestamp must match pattern ^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?(Z|[+-][0-9]{2}:?[0-9]{2})$', value=data__timestamp, name='' + (name_prefix or 'data') + '.timestamp')
    return data

def validate____defs_metrics(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, (list, tuple)):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be array', value=data, name='' + (name_prefix or 'data') + '')
    data_is_list = isinstance(data, (list, tuple))
    if data_is_list:
        data_len = len(data)
        if data_len < 1:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain at least 1 items', value=data, name='' + (name_prefix or 'data') + '')
        for data_x, data_item in enumerate(data):
            validate____defs_query(data_item, custom_formats, (name_prefix or 'data') + '[{data_x}]'.format(**locals()))
    return data

def validate____defs_query(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['id']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '')
        data_keys = set(data.keys())
        if 'id' in data_keys:
            data_keys.remove('id')
            data__id = data['id']
            if not isinstance(data__id, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.id must be string', value=data__id, name='' + (name_prefix or 'data') + '.id')
        if 'expression' in data_keys:
            data_keys.remove('expression')
            data__expression = data['expression']
            if not isinstance(data__expression, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.expression must be string', value=data__expression, name='' + (name_prefix or 'data') + '.expression')
        if 'label' in data_keys:
            data_keys.remove('label')
            data__label = data['label']
            if not isinstance(data__label, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.label must be string', value=data__label, name='' + (name_prefix or 'data') + '.label')
        if 'returnData' in data_keys:
            data_keys.remove('returnData')
            data__returnData = data['returnData']
            if not isinstance(data__returnData, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.returnData must be boolean', value=data__returnData, name='' + (name_prefix or 'data') + '.returnData')
        if 'metricStat' in data_keys:
            data_keys.remove('metricStat')
            data__metricStat = data['metricStat']
            if not isinstance(data__metricStat, dict):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.metricStat must be object', value=data__metricStat, name='' + (name_prefix or 'data') + '.metricStat')
            data__metricStat_is_dict = isinstance(data__metricStat, dict)
            if data__metricStat_is_dict:
                data__metricStat__missing_keys = set(['metric', 'period', 'stat']) - data__metricStat.keys()
                if data__metricStat__missing_keys:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.metricStat must contain ' + (str(sorted(data__metricStat__missing_keys)) + ' properties'), value=data__metricStat, name='' + (name_prefix or 'data') + '.metricStat')
                data__metricStat_keys = set(data__metricStat.keys())
                if 'metric' in data__metricStat_keys:
                    data__metricStat_keys.remove('metric')
                    data__metricStat__metric = data__metricStat['metric']
                    validate____defs_metric(data__metricStat__metric, custom_formats, (name_prefix or 'data') + '.metricStat.metric')
                if 'stat' in data__metricStat_keys:
                    data__metricStat_keys.remove('stat')
                    data__metricStat__stat = data__metricStat['stat']
                    if not isinstance(data__metricStat__stat, str):
                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.metricStat.stat must be string', value=data__metricStat__stat, name='' + (name_prefix or 'data') + '.metricStat.stat')
                    if isinstance(data__metricStat__stat, str):
                        data__metricStat__stat_len = len(data__metricStat__stat)
                        if data__metricStat__stat_len < 1:
                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.metricStat.stat must be longer than or equal to 1 characters', value=data__metricStat__stat, name='' + (name_prefix or 'data') + '.metricStat.stat')
                if 'period' in data__metricStat_keys:
                    data__metricStat_keys.remove('period')
                    data__metricStat__period = data__metricStat['period']
                    if not isinstance(data__metricStat__period, int) and (not (isinstance(data__metricStat__period, float) and data__metricStat__period.is_integer())) or isinstance(data__metricStat__period, bool):
                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.metricStat.period must be integer', value=data__metricStat__period, name='' + (name_prefix or 'data') + '.metricStat.period')
                    if isinstance(data__metricStat__period, (int, float, Decimal)) and (not isinstance(data__metricStat__period, bool)):
                        if data__metricStat__period < 1:
                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.metricStat.period must be bigger than or equal to 1', value=data__metricStat__period, name='' + (name_prefix or 'data') + '.metricStat.period')
    try:
        try:
            data_is_dict = isinstance(data, dict)
            if data_is_dict:
                data__missing_keys = set(['expression']) - data.keys()
                if data__missing_keys:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '')
        except (JsonSchemaValueException, JsonSchemaValuesException):
            pass
        else:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must NOT match a disallowed definition', value=data, name='' + (name_prefix or 'data') + '')
    except (JsonSchemaValueException, JsonSchemaValuesException):
        pass
    else:
        data_is_dict = isinstance(data, dict)
        if data_is_dict:
            data__missing_keys = set(['metricStat']) - data.keys()
            if data__missing_keys:
                raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '')
    return data

def validate____defs_metric(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['namespace', 'name']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '')
        data_keys = set(data.keys())
        if 'namespace' in data_keys:
            data_keys.remove('namespace')
            data__namespace = data['namespace']
            if not isinstance(data__namespace, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.namespace must be string', value=data__namespace, name='' + (name_prefix or 'data') + '.namespace')
            if isinstance(data__namespace, str):
                data__namespace_len = len(data__namespace)
                if data__namespace_len < 1:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.namespace must be longer than or equal to 1 characters', value=data__namespace, name='' + (name_prefix or 'data') + '.namespace')
        if 'name' in data_keys:
            data_keys.remove('name')
            data__name = data['name']
            if not isinstance(data__name, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.name must be string', value=data__name, name='' + (name_prefix or 'data') + '.name')
            if isinstance(data__name, str):
                data__name_len = len(data__name)
                if data__name_len < 1:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.name must be longer than or equal to 1 characters', value=data__name, name='' + (name_prefix or 'data') + '.name')
        if 'dimensions' in data_keys:
            data_keys.remove('dimensions')
            data__dimensions = data['dimensions']
            if not isinstance(data__dimensions, dict):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.dimensions must be object', value=data__dimensions, name='' + (name_prefix or 'data') + '.dimensions')
            data__dimensions_is_dict = isinstance(data__dimensions, dict)
            if data__dimensions_is_dict:
                data__dimensions_keys = set(data__dimensions.keys())
                for data__dimensions_key in data__dimensions_keys:
                    if data__dimensions_key not in []:
                        data__dimensions_value = data__dimensions.get(data__dimensions_key)
                        if not isinstance(data__dimensions_value, str):
                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.dimensions.{data__dimensions_key}'.format(**locals()) + ' must be string', value=data__dimensions_value, name='' + (name_prefix or 'data') + '.dimensions.{data__dimensions_key}'.format(**locals()) + '')
    return data
